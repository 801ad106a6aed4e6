-------------------------------- MODULE Ingest --------------------------------
(***************************************************************************)
(* What becomes of submissions for one key, at pods that die and start     *)
(* again: the log, the decision, its effects, the note behind the entry,   *)
(* the answer, and the replay of what has no note. As in backend/src/      *)
(* (wal/group-commit.ts, ingest/pipeline.ts, settle.ts, retry-queue.ts,    *)
(* wal/replay.ts). With `Store` = "shards" the decision is one atomic      *)
(* put-if-absent at a shard, which keeps what it has answered; replies may *)
(* be lost and puts may arrive late and again. With "memory" a single pod  *)
(* decides by itself in the order of its log, forgets when it dies, and is *)
(* rebuilt from the notes and a replay.                                    *)
(*                                                                         *)
(* Each guard can be left out by its name in `Without`; then a named       *)
(* property no longer holds.                                               *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets, TLC

CONSTANTS
  Pods,
  PerPod,       \* submissions that a pod takes at most
  Submissions,  \* and all pods together
  MaxCrashes,
  Store,        \* "shards" or "memory"
  Without

Entries == Pods \X (1..PerPod)
Nobody == <<"nobody", 0>>

VARIABLES
  up,           \* by pod
  taken,        \* by pod: how many submissions it has taken
  stage,        \* by entry: where it stands in the memory of its pod
  outcome,      \* by entry, in memory: whose record the decision was
  waiting,      \* entries whose client still waits for its answer
  disk,         \* by entry: nothing, the entry, or the entry and the note behind it
  note,         \* by entry: what the note says
  store,        \* whose record the key has
  late,         \* puts that were given up on and may still arrive
  answer,       \* by entry: whose record its client was shown (history)
  ran,          \* entries whose winner's effects have run (history)
  again,        \* whether effects ran for an entry with a note (history)
  crashes

vars == <<up, taken, stage, outcome, waiting, disk, note, store, late, answer, ran, again, crashes>>

Has(guard) == guard \notin Without
Of(p) == {e \in Entries : e[1] = p}
Before(e) == {f \in Of(e[1]) : f[2] < e[2]}

-----------------------------------------------------------------------------
Submit(p) ==
  LET e == <<p, taken[p] + 1>> IN
  /\ up[p] /\ taken[p] < PerPod /\ Cardinality({f \in Entries : f[2] <= taken[f[1]]}) < Submissions
  /\ taken' = [taken EXCEPT ![p] = @ + 1]
  /\ stage' = [stage EXCEPT ![e] = "queued"]
  /\ waiting' = waiting \cup {e}
  /\ UNCHANGED <<up, outcome, disk, note, store, late, answer, ran, again, crashes>>

(* One write carries what has gathered, in order: entries, and the notes behind earlier ones. *)
Sync(p) ==
  /\ up[p]
  /\ \E e \in Of(p) : stage[e] \in {"queued", "noting"}
  /\ stage' = [e \in Entries |-> IF e \notin Of(p) THEN stage[e]
                                 ELSE IF stage[e] = "queued" THEN "durable" ELSE IF stage[e] = "noting" THEN "noted" ELSE stage[e]]
  /\ disk' = [e \in Entries |-> IF e \notin Of(p) THEN disk[e]
                                ELSE IF stage[e] = "noting" THEN "note" ELSE IF stage[e] # "none" /\ disk[e] = "nothing" THEN "entry" ELSE disk[e]]
  /\ note' = [e \in Entries |-> IF e \in Of(p) /\ stage[e] = "noting" THEN (IF outcome[e] = e THEN "won" ELSE "lost") ELSE note[e]]
  /\ UNCHANGED <<up, taken, outcome, waiting, store, late, answer, ran, again, crashes>>

(* The sync failed, the cache has dropped what it held, and the next sync would say that all is well. The guard is not to ask it again. *)
SyncAgain(p) ==
  /\ ~Has("sync-final") /\ up[p]
  /\ \E e \in Of(p) : stage[e] = "queued"
  /\ stage' = [e \in Entries |-> IF e \in Of(p) /\ stage[e] = "queued" THEN "durable" ELSE stage[e]]
  /\ UNCHANGED <<up, taken, outcome, waiting, disk, note, store, late, answer, ran, again, crashes>>

MayDecide(e) == up[e[1]] /\ (stage[e] \in {"durable", "retry"} \/ (~Has("durable-first") /\ stage[e] = "queued"))

Decided(e, whose) ==
  /\ stage' = [stage EXCEPT ![e] = "decided"]
  /\ outcome' = [outcome EXCEPT ![e] = whose]

(* The embedded store decides at once, in the order of the log. *)
DecideInMemory(e) ==
  /\ Store = "memory" /\ MayDecide(e)
  /\ Has("log-order") => \A f \in Before(e) : stage[f] \notin {"queued", "durable"}
  /\ store' = IF store = Nobody THEN e ELSE store
  /\ Decided(e, store')
  /\ UNCHANGED <<up, taken, waiting, disk, note, late, answer, ran, again, crashes>>

PutSent(e) ==
  /\ Store = "shards" /\ MayDecide(e)
  /\ stage' = [stage EXCEPT ![e] = "sent"]
  /\ UNCHANGED <<up, taken, outcome, waiting, disk, note, store, late, answer, ran, again, crashes>>

(* A record carries its origin: finding one's own is a win, whichever call wrote it. *)
PutAnswered(e) ==
  /\ up[e[1]] /\ stage[e] = "sent" /\ Has("atomic-put")
  /\ store' = IF store = Nobody THEN e ELSE store
  /\ Decided(e, IF store = e /\ ~Has("own-origin") THEN Nobody ELSE store')
  /\ UNCHANGED <<up, taken, waiting, disk, note, late, answer, ran, again, crashes>>

(* Without the guard the look and the write are two calls. *)
PutInTwo(e) ==
  /\ ~Has("atomic-put") /\ up[e[1]]
  /\ \/ /\ stage[e] = "sent" /\ store \in {Nobody, e}
        /\ stage' = [stage EXCEPT ![e] = "absent"] /\ UNCHANGED <<outcome, store>>
     \/ stage[e] = "sent" /\ store \notin {Nobody, e} /\ Decided(e, store) /\ UNCHANGED store
     \/ stage[e] = "absent" /\ store' = e /\ Decided(e, e)
  /\ UNCHANGED <<up, taken, waiting, disk, note, late, answer, ran, again, crashes>>

(* The client is told 503; the claim is put again until it is decided. *)
PutUnanswered(e) ==
  /\ up[e[1]] /\ stage[e] = "sent"
  /\ stage' = [stage EXCEPT ![e] = "retry"]
  /\ late' = late \cup {e} /\ waiting' = waiting \ {e}
  /\ UNCHANGED <<up, taken, outcome, disk, note, store, answer, ran, again, crashes>>

PutArrivesLate(e) ==
  /\ e \in late /\ store = Nobody /\ store' = e
  /\ UNCHANGED <<up, taken, stage, outcome, waiting, disk, note, late, answer, ran, again, crashes>>

Run(e) == /\ ran' = IF outcome[e] = e THEN ran \cup {e} ELSE ran
          /\ again' = (again \/ disk[e] = "note")

(* Effects, then the note is queued, so that an entry that is found without one runs its effects again. *)
Effects(e) ==
  /\ up[e[1]] /\ stage[e] = (IF Has("effects-first") THEN "decided" ELSE "noted-only")
  /\ Run(e)
  /\ stage' = [stage EXCEPT ![e] = IF Has("effects-first") THEN "effected" ELSE "noted"]
  /\ UNCHANGED <<up, taken, outcome, waiting, disk, note, store, late, answer, crashes>>

Note(e) ==
  /\ up[e[1]] /\ stage[e] = (IF Has("effects-first") THEN "effected" ELSE "decided")
  /\ IF Has("effects-first")
     THEN stage' = [stage EXCEPT ![e] = "noting"] /\ UNCHANGED <<disk, note>>
     ELSE /\ stage' = [stage EXCEPT ![e] = "noted-only"]
          /\ disk' = [disk EXCEPT ![e] = "note"] /\ note' = [note EXCEPT ![e] = IF outcome[e] = e THEN "won" ELSE "lost"]
  /\ UNCHANGED <<up, taken, outcome, waiting, store, late, answer, ran, again, crashes>>

Answer(e) ==
  /\ up[e[1]] /\ e \in waiting /\ stage[e] \in {"effected", "noting", "noted"}
  /\ answer' = [answer EXCEPT ![e] = outcome[e]]
  /\ waiting' = waiting \ {e}
  /\ UNCHANGED <<up, taken, stage, outcome, disk, note, store, late, ran, again, crashes>>

(* Of what was queued some is on disk, from the front: a torn tail is cut. Also what a failed sync comes to: the process exits. *)
Crash(p) ==
  LET queued == {e \in Of(p) : stage[e] \in {"queued", "noting"}}
      \* One order of the log is enough here: entries by their number; notes anywhere between them.
      fronts == {kept \in SUBSET queued : \A e \in kept : stage[e] = "queued" => \A f \in Before(e) : f \in queued /\ stage[f] = "queued" => f \in kept}
  IN
  /\ up[p] /\ crashes < MaxCrashes
  /\ crashes' = crashes + 1
  /\ up' = [up EXCEPT ![p] = FALSE]
  /\ \E kept \in fronts :
       /\ disk' = [e \in Entries |-> IF e \notin kept THEN disk[e] ELSE IF stage[e] = "noting" THEN "note" ELSE "entry"]
       /\ note' = [e \in Entries |-> IF e \in kept /\ stage[e] = "noting" THEN (IF outcome[e] = e THEN "won" ELSE "lost") ELSE note[e]]
  /\ late' = late \cup {e \in Of(p) : stage[e] = "sent"}
  /\ stage' = [e \in Entries |-> IF e \in Of(p) THEN "none" ELSE stage[e]]
  /\ outcome' = [e \in Entries |-> IF e \in Of(p) THEN Nobody ELSE outcome[e]]
  /\ waiting' = waiting \ Of(p)
  /\ store' = IF Store = "memory" THEN Nobody ELSE store
  /\ UNCHANGED <<taken, answer, ran, again>>

Restart(p) ==
  /\ ~up[p]
  /\ up' = [up EXCEPT ![p] = TRUE]
  /\ stage' = [e \in Entries |-> IF e \notin Of(p) THEN stage[e]
                                 ELSE IF Has("replay") /\ (disk[e] = "entry" \/ (disk[e] = "note" /\ ~Has("note-skips"))) THEN "durable" ELSE "none"]
  /\ store' = IF Store = "memory" /\ \E e \in Of(p) : note[e] = "won" THEN CHOOSE e \in Of(p) : note[e] = "won" ELSE store
  /\ UNCHANGED <<taken, outcome, waiting, disk, note, late, answer, ran, again, crashes>>

Init ==
  /\ up = [p \in Pods |-> TRUE] /\ taken = [p \in Pods |-> 0]
  /\ stage = [e \in Entries |-> "none"] /\ outcome = [e \in Entries |-> Nobody] /\ waiting = {}
  /\ disk = [e \in Entries |-> "nothing"] /\ note = [e \in Entries |-> "none"]
  /\ store = Nobody /\ late = {} /\ answer = [e \in Entries |-> Nobody] /\ ran = {} /\ again = FALSE /\ crashes = 0

Working(e) == DecideInMemory(e) \/ PutSent(e) \/ PutAnswered(e) \/ PutInTwo(e) \/ Effects(e) \/ Note(e)

Next ==
  \/ \E p \in Pods : Submit(p) \/ Sync(p) \/ SyncAgain(p) \/ Crash(p) \/ Restart(p)
  \/ \E e \in Entries : Working(e) \/ PutUnanswered(e) \/ PutArrivesLate(e) \/ Answer(e)

(* A pod that is up works on; a shard that is asked again and again answers at last. *)
Fair ==
  /\ \A p \in Pods : WF_vars(Sync(p)) /\ WF_vars(Restart(p))
  /\ \A e \in Entries : WF_vars(DecideInMemory(e)) /\ WF_vars(PutSent(e)) /\ SF_vars(PutAnswered(e))
                        /\ WF_vars(Effects(e)) /\ WF_vars(Note(e))

Spec == Init /\ [][Next]_vars
(* Which pod is which makes no difference. *)
Alike == Permutations(Pods)

FairSpec == Spec /\ Fair

-----------------------------------------------------------------------------
(* Who was answered can be shown it: the bytes are on disk. *)
AnsweredIsDurable == \A e \in Entries : answer[e] # Nobody => disk[e] # "nothing"

(* All answers for a key agree, across restarts. *)
AnswersAgree == \A e, f \in Entries : answer[e] # Nobody /\ answer[f] # Nobody => answer[e] = answer[f]

(* A shard has what was answered. *)
AnsweredIsDecided == Store = "shards" => \A e \in Entries : answer[e] # Nobody => answer[e] = store

(* Effects run for one entry of a key only, and the log has one winner. *)
OneWinner == /\ \A e, f \in ran : e = f
             /\ \A e, f \in Entries : note[e] = "won" /\ note[f] = "won" => e = f

(* Once noted they never run again; what is noted has run. With the note behind them they have run exactly once. *)
NeverAgain == ~again
NotedHasRun == \A e \in Entries : note[e] = "won" => e \in ran

(* Where every entry has its note, one of them won. *)
SomebodyWon == (\E e \in Entries : disk[e] = "note") /\ (\A e \in Entries : disk[e] # "entry" /\ stage[e] # "queued") /\ (\A p \in Pods : up[p])
                 => \E e \in Entries : note[e] = "won"

(* What is on disk gets its note at last, whatever dies meanwhile. *)
EverySettles == \A e \in Entries : disk[e] = "entry" ~> disk[e] = "note"
=============================================================================
