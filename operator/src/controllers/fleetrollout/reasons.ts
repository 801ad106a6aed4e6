/** Every reason that a fleet's rollout gives in events and in its status, with the sentence a user sees. Stable: scripts wait for them. */
export const ROLLOUT_REASONS = {
  Held: 'The fleet runs its one revision; a new one will be rolled out pod by pod, through gates.',
  RolloutStarted: 'A new revision is rolled out, beginning with the pod of the highest ordinal.',
  StepApplied: 'A step of the rollout is being applied.',
  StepWatched: 'The step runs the new revision and is being watched.',
  PointOfNoReturn:
    'The last pod is updated next. Then the StatefulSet takes the new revision for its own, and going back needs the old template again.',
  RolloutComplete: 'Every pod runs the new revision, and the StatefulSet has taken it for its own.',
  GateFailed: 'A health gate failed.',
  DeadlineExceeded: 'A gate gave no pass within the progress deadline.',
  PodNotReady: 'A pod of the new revision did not become ready in time.',
  PodCrashLoops: 'A pod of the new revision crashes again and again.',
  PodCannotStart: 'A pod of the new revision cannot be started.',
  AbortRequested: 'An abort was requested.',
  TemplateChangedBack: 'The template is the former one again.',
  StrayPods: 'Pods run a revision that the fleet is not on.',
  RollingBack: 'Pods of the failed revision are put back to the one before, one after the other.',
  RolledBack:
    'The failed revision was taken back; it is not tried again until the template changes or the annotation fractal.lba.io/retry is set.',
  Frozen: 'Stopped where it stands because it failed; fix the cause and set the annotation fractal.lba.io/retry, or abort.',
  Paused: 'Paused; gates go on being measured. Continue with the annotation fractal.lba.io/resume.',
  Resumed: 'Not paused any more.',
  RetryRequested: 'A retry was requested.',
  VerbNotAllowed: 'This is not possible in the current phase and was ignored.',
  SettingsInvalid: 'An annotation of the rollout cannot be used; nothing is rolled out until it is corrected.',
  ManagementReleased:
    'The annotation fractal.lba.io/managed-rollout is gone; the StatefulSet steps its updates itself from here.',
} as const

export type RolloutReason = keyof typeof ROLLOUT_REASONS

export const rolloutSentence = (reason: RolloutReason, detail?: string): string =>
  detail ? `${ROLLOUT_REASONS[reason]} ${detail}` : ROLLOUT_REASONS[reason]
