-------------------------------- MODULE Slot --------------------------------
(***************************************************************************)
(* One slot on its way between two shards, as anyone sees it who may look  *)
(* into both: the slot's rows, records and change logs, the fences, and    *)
(* the migration's document. A step is what one call (or one put) changes, *)
(* with what must be true when it happens. Who calls, and why what must    *)
(* be true is true among crashes and late calls, is Migration.tla, which   *)
(* is checked to make these steps only. Traces of the simulator are held   *)
(* against these steps, so that they stand for the code as well.           *)
(*                                                                         *)
(* Rows: shards/src/slot-rules.ts. States: migration/src/slot-state.ts.    *)
(* Records never change once written and live on (no expiry here), so a    *)
(* record is its key, and a change log is a set.                           *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANT
  Keys        \* of the slot: 1..n, in the order of the scan

VARIABLES
  row,        \* by shard: what the slot is to it
  recs,       \* by shard: the keys that it has records of
  queue,      \* by shard: captured, not yet dropped
  fence,      \* by shard: the highest generation seen
  doc,        \* the migration's document
  decided,    \* every key that was ever decided (history)
  again       \* whether one was decided that had been before (history)

slotVars == <<row, recs, queue, fence, doc, decided, again>>

S == "source"
T == "target"
Shards == {S, T}
Other(s) == IF s = S THEN T ELSE S

None == [role |-> "none", gen |-> 0, captured |-> FALSE, copy |-> "none", kept |-> FALSE]
Owned(g, c) == [None EXCEPT !.role = "owned", !.gen = g, !.captured = c]
Importing(c) == [None EXCEPT !.role = "importing", !.copy = c]
(* `kept`: the records are kept for a way back; else only the hint is left. *)
Released(g, k) == [None EXCEPT !.role = "released", !.gen = g, !.kept = k]

IsOwner(s) == row[s].role = "owned"
IsEmptied(s) == row[s].role = "none" \/ (row[s].role = "released" /\ ~row[s].kept)
IsKept(s) == row[s].role = "released" /\ row[s].kept
IsImporting(s) == row[s].role = "importing"
Max(a, b) == IF a > b THEN a ELSE b
SlotGeneration == Max(row[S].gen, row[T].gen)

NoDoc == [dir |-> "none", certified |-> FALSE, sealed |-> FALSE, end |-> "no"]
Begun == [NoDoc EXCEPT !.dir = "forward"]
Turned(d) == [NoDoc EXCEPT !.dir = d]

(* What a record at the owner is to its mirror: there, or on its way. *)
InStep(owner, mirror) == recs[owner] \subseteq recs[mirror] \cup queue[owner]
Same(owner, mirror) == recs[owner] \ queue[owner] = recs[mirror]

-----------------------------------------------------------------------------
Put(s, k) ==
  /\ IsOwner(s) /\ k \notin recs[s]
  /\ recs' = [recs EXCEPT ![s] = @ \cup {k}]
  /\ queue' = IF row[s].captured THEN [queue EXCEPT ![s] = @ \cup {k}] ELSE queue
  /\ decided' = decided \cup {k}
  /\ again' = (again \/ k \in decided)
  /\ UNCHANGED <<row, fence, doc>>

Take(s, g) ==
  /\ g > fence[s]
  /\ fence' = [fence EXCEPT ![s] = g]
  /\ UNCHANGED <<row, recs, queue, doc, decided, again>>

BeginImport ==
  /\ IsEmptied(T) /\ recs[T] = {} /\ IsOwner(S) /\ doc.dir = "forward"
  /\ row' = [row EXCEPT ![T] = Importing("pending")]
  /\ UNCHANGED <<recs, queue, fence, doc, decided, again>>

StartCapture ==
  /\ IsOwner(S) /\ ~row[S].captured /\ row[T] = Importing("pending") /\ doc.dir = "forward"
  /\ row' = [row EXCEPT ![S].captured = TRUE]
  /\ UNCHANGED <<recs, queue, fence, doc, decided, again>>

Apply(s, ks) ==
  /\ IsImporting(s) \/ IsKept(s)
  /\ ks \subseteq recs[Other(s)]
  /\ recs' = [recs EXCEPT ![s] = @ \cup ks]
  /\ UNCHANGED <<queue, fence, doc, decided, again>>
  /\ \/ UNCHANGED row
     \/ \* The batch that ends a slot: from here every record is there or on its way (I2).
        /\ row[s] = Importing("pending") /\ IsOwner(Other(s)) /\ row[Other(s)].captured
        /\ recs[Other(s)] \subseteq recs[s] \cup ks \cup queue[Other(s)]
        /\ row' = [row EXCEPT ![s] = Importing("copied")]

Drop(s, ks) ==
  /\ ks # {} /\ ks \subseteq queue[s] /\ ks \subseteq recs[Other(s)]
  /\ queue' = [queue EXCEPT ![s] = @ \ ks]
  /\ UNCHANGED <<row, recs, fence, doc, decided, again>>

MarkVerified ==
  /\ row[T] = Importing("copied") /\ IsOwner(S) /\ row[S].captured
  /\ InStep(S, T) /\ recs[T] \subseteq recs[S]
  /\ row' = [row EXCEPT ![T] = Importing("verified")]
  /\ UNCHANGED <<recs, queue, fence, doc, decided, again>>

Release(s) ==
  /\ IsOwner(s) /\ row[s].captured /\ ~doc.sealed
  /\ IF s = S THEN row[T] = Importing("verified") /\ doc.dir = "forward"
              ELSE IsKept(S) /\ doc.dir = "back"
  /\ row' = [row EXCEPT ![s] = Released(@.gen + 1, TRUE)]
  /\ UNCHANGED <<recs, queue, fence, doc, decided, again>>

(* Nobody owns the slot, and the log of the side that let go has been applied to its end. *)
AcquireTarget ==
  /\ row[T] = Importing("verified") /\ IsKept(S) /\ queue[S] = {} /\ doc.dir = "forward"
  /\ row' = [row EXCEPT ![T] = Owned(row[S].gen, TRUE)]
  /\ UNCHANGED <<recs, queue, fence, doc, decided, again>>

AcquireSource ==
  /\ IsKept(S) /\ IsKept(T) /\ queue[T] = {}
  /\ row' = [row EXCEPT ![S] = Owned(row[T].gen, FALSE)]
  /\ queue' = [queue EXCEPT ![S] = {}]
  /\ UNCHANGED <<recs, fence, doc, decided, again>>

(* The target never became the owner, so the source has every record. *)
TakeBack ==
  /\ IsKept(S) /\ IsImporting(T) /\ doc.dir = "back"
  /\ row' = [row EXCEPT ![S] = Owned(@.gen + 1, FALSE)]
  /\ queue' = [queue EXCEPT ![S] = {}]
  /\ UNCHANGED <<recs, fence, doc, decided, again>>

StopCapture(s) ==
  /\ IsOwner(s) /\ row[s].captured
  /\ IF s = S THEN doc.dir = "back" /\ IsImporting(T) ELSE doc.sealed /\ IsKept(S)
  /\ row' = [row EXCEPT ![s].captured = FALSE]
  /\ queue' = [queue EXCEPT ![s] = {}]
  /\ UNCHANGED <<recs, fence, doc, decided, again>>

Discard(s, ks) ==
  /\ IsImporting(s) \/ IsKept(s)
  /\ queue[s] = {} /\ IsOwner(Other(s)) /\ ~row[Other(s)].captured
  /\ s = S => doc.sealed
  /\ ks \subseteq recs[s]
  /\ recs' = [recs EXCEPT ![s] = @ \ ks]
  /\ \/ UNCHANGED row
     \/ /\ recs[s] = ks
        /\ row' = [row EXCEPT ![s] = IF @.role = "importing" THEN None ELSE [@ EXCEPT !.kept = FALSE]]
  /\ UNCHANGED <<queue, fence, doc, decided, again>>

-----------------------------------------------------------------------------
Record(d) == doc' = d /\ UNCHANGED <<row, recs, queue, fence, decided, again>>

Begin == doc = NoDoc /\ IsOwner(S) /\ ~row[S].captured /\ IsEmptied(T) /\ Record(Begun)
Turn(d) == d # doc.dir /\ doc.dir # "none" /\ ~doc.sealed /\ Record(Turned(d))
Certify == /\ doc.dir = "forward" /\ ~doc.certified /\ IsOwner(T) /\ row[T].captured /\ IsKept(S)
           /\ InStep(T, S) /\ recs[S] \subseteq recs[T]
           /\ Record([doc EXCEPT !.certified = TRUE])
Seal == doc.certified /\ ~doc.sealed /\ Record([doc EXCEPT !.sealed = TRUE])
Complete == /\ doc.sealed /\ doc.end = "no" /\ IsOwner(T) /\ row[S].role = "released" /\ ~row[S].kept
            /\ Record([doc EXCEPT !.end = "completed"])
RolledBack == /\ doc.dir = "back" /\ doc.end = "no" /\ IsOwner(S) /\ ~row[S].captured /\ IsEmptied(T)
              /\ Record([doc EXCEPT !.end = "rolled-back"])

-----------------------------------------------------------------------------
SlotInit ==
  /\ row = [s \in Shards |-> IF s = S THEN Owned(1, FALSE) ELSE None]
  /\ recs = [s \in Shards |-> {}]
  /\ queue = [s \in Shards |-> {}]
  /\ fence = [s \in Shards |-> 0]
  /\ doc = NoDoc
  /\ decided = {}
  /\ again = FALSE

(* Only ever asked of two states that are known (a theorem of Migration.tla, a step of a trace), so what was added or taken away is read off
   them instead of tried. *)
SlotNext ==
  \/ \E s \in Shards, k \in Keys : Put(s, k)
  \/ \E s \in Shards : Take(s, fence'[s])
  \/ BeginImport \/ StartCapture \/ MarkVerified
  \/ \E s \in Shards : Apply(s, recs'[s] \ recs[s]) \/ Drop(s, queue[s] \ queue'[s])
  \/ \E s \in Shards : Release(s) \/ StopCapture(s)
  \/ AcquireTarget \/ AcquireSource \/ TakeBack
  \/ \E s \in Shards : Discard(s, recs[s] \ recs'[s])
  \/ Begin \/ \E d \in {"forward", "back"} : Turn(d)
  \/ Certify \/ Seal \/ Complete \/ RolledBack

-----------------------------------------------------------------------------
(* What is promised of a slot at every moment. *)
I1 == ~(IsOwner(S) /\ IsOwner(T))

(* The mirror of a captured slot has every record, or the log does. *)
Mirrors(s) == IsKept(s) \/ (IsImporting(s) /\ row[s].copy # "pending")
I2 == \A s \in Shards : IsOwner(s) /\ row[s].captured /\ Mirrors(Other(s))
        => decided \subseteq recs[Other(s)] \cup queue[s]

(* The same where the copy is not trusted and was compared, and nothing is there that was not decided. *)
I3 == row[T] = Importing("verified") /\ IsOwner(S) /\ row[S].captured
        => decided \subseteq recs[T] \cup queue[S] /\ recs[T] \subseteq decided

I4 == \A s \in Shards : IsOwner(s) => decided \subseteq recs[s]

(* A certificate says the truth for as long as there is a way back. *)
CertificateIsTrue == doc.certified /\ IsOwner(T) /\ row[T].captured /\ IsKept(S)
        => recs[T] \subseteq recs[S] \cup queue[T]

(* Behind the point of no return nobody takes anything back. *)
NoReturn == [][doc.sealed => doc'.sealed /\ doc'.dir = "forward" /\ row'[T].role = "owned"]_slotVars

(* Nothing is left behind where a migration says that it has ended. *)
NoOrphan == /\ doc.end = "completed" => recs[S] = {} /\ queue[S] = {} /\ queue[T] = {}
            /\ doc.end = "rolled-back" => recs[T] = {} /\ queue[S] = {} /\ queue[T] = {}

(* Of any number of puts of a key one is the first, whatever happens to its slot. *)
DecidedOnce == ~again
=============================================================================
