/**
 * Every reason that a condition or an event can carry, with the sentence a user sees. Reasons are stable: scripts wait for
 * them. What is specific to the moment (a figure, a shard) is added behind the sentence.
 */
export const REASONS = {
  SpecInvalid: 'The spec cannot be used; correct the named field.',
  PlanPending: 'The plan is being made; nothing has been changed.',
  PlanStale: 'What the plan was made from has changed; it is made again.',
  PlanImpossible: 'The shards are not in a state from which this migration can start.',
  AwaitingApproval: 'The plan waits for its approval: set the annotation fractal.lba.io/approve to the plan hash.',
  ApprovalMismatch: 'The approval names another plan than the current one and was ignored.',
  Approved: 'The plan is approved.',
  DryRunComplete: 'The plan is made and, as this is a dry run, nothing will be changed.',
  WaitingForOtherMigration: 'Another migration works on these shards; this one starts when it has ended.',
  WaitingForLease: 'Another operator holds the lease of these shards.',
  FleetNotConfigured: 'Not every pod runs the config with all shards yet.',

  Copying: 'Records are being copied while the sources keep serving.',
  Verifying: 'Both sides are being compared, by digests that the servers compute.',
  DualWriting: 'Every write reaches both sides; the migration soaks before slots change their owner.',
  CuttingOver: 'Slots change their owner in steps, with gates between them.',
  CleaningUp: 'Records that were moved away are being deleted at the sources.',
  MigrationComplete: 'All slots are with their new owners, verified, and the sources are clean.',
  NotStarted: 'This has not begun.',
  InProgress: 'This is under way.',
  Done: 'This is done.',
  Undone: 'This was undone by the rollback.',

  GatesPassed: 'All gates passed when they were last measured.',
  GateFailed: 'A health gate failed.',
  GateNoData: 'A health gate has too few samples to say anything; that is not a pass.',
  GateError: 'A health gate could not be measured; that is not a pass.',
  Frozen: 'Stopped where it stands because a gate failed; fix the cause and set the annotation fractal.lba.io/retry, or abort.',
  RollingBack: 'The migration is being undone; every write made since is kept.',
  RolledBack: 'The migration was undone; the sources own all slots again and hold every record.',
  DeadlineExceeded: 'No progress was made within spec.progressDeadlineSeconds.',
  NotConverging: 'Captured writes arrive faster than they can be applied; raise throttleQPS or lower the load.',
  DigestsDiffer: 'The digests of both sides do not meet: there is no certificate.',
  RecordConflict: 'A target holds a different record for a moving key; nothing was overwritten.',

  CanRollBack: 'Rolling back would lose nothing.',
  ReverseLagging: 'Rolling back waits until the writes captured for the way back are applied.',
  PointOfNoReturn: 'From here the migration can only finish: the records kept for a way back are deleted next.',
  NothingToRollBack: 'Nothing has been changed that could be undone.',

  Paused: 'Paused; gates go on being measured. Continue with the annotation fractal.lba.io/resume, or spec.paused: false.',
  Resumed: 'Not paused.',
  AbortRequested: 'An abort was requested.',
  RetryRequested: 'A retry was requested; the migration is planned afresh.',
  PolicyActive: 'The policy is in force on every pod of the fleet.',
  RevisionProgressing: 'A new revision is on its way through the pods, with gates between the steps.',
  RevisionRolledBack:
    'The new revision was taken back; the pods run the one before. Change the spec, or set the annotation fractal.lba.io/retry.',
  NotSupportedByFleet:
    'The pods take this policy but do nothing about it yet, so it has no effect; upgrade the fleet to a version that does.',
  FleetNotFound:
    'There is no fleet to work on in this namespace; install the chart fractal-lba, or name the fleet in spec.fleet.',
  FleetMisconfigured: 'What the fleet needs is missing; see what, and install the chart fractal-lba again or put it back.',
  FleetAmbiguous: 'There are several fleets in this namespace; name one in spec.fleet.',
  FleetUnreachable: 'The fleet could not be looked at; nothing is changed until it can.',
  PolicyConflict: 'Another policy of this kind is in force on the fleet, which takes one; delete one of the two.',
  WaitingForOtherPolicy: 'Another policy is being rolled out to the fleet; this one starts when that has ended.',
  ReplicationInSync: 'Every target region holds what this region decided.',
  ReplicationBehind: 'A target region lacks records that this region decided.',
  LagWithinBound: 'Replication is within spec.healthGates.maxLagSeconds.',
  LagOutOfBound: 'Replication is further behind than spec.healthGates.maxLagSeconds allows.',
  TiersConsistent: 'Every record is in at least one tier.',
  TiersInconsistent: 'Tiers disagree about a record.',
  NotMeasured: 'This was not measured yet.',

  Deleted: 'The resource was deleted; spec.deletionPolicy says what becomes of the migration.',
  VerbNotAllowed: 'This is not possible in the current phase and was ignored.',
  BackendUnreachable: 'A shard does not answer; the migration waits for it.',
  ShardRefused: 'A shard refused a call.',
  Fenced: 'A newer operator has taken over; this one stops.',
  Stopped: 'The migration has stopped without finishing.',
} as const

export type Reason = keyof typeof REASONS

/** The sentence of a reason, with what is particular now. */
export const sentence = (reason: Reason, detail?: string): string => (detail ? `${REASONS[reason]} ${detail}` : REASONS[reason])
