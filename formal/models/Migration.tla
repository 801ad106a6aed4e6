------------------------------ MODULE Migration ------------------------------
(***************************************************************************)
(* Who moves a slot: engines that observe, decide and call, as in          *)
(* migration/src (decide.ts, phases/, engine.ts, lease/). Each may die at  *)
(* any call, be given up on, and wake up when another leads. A call that   *)
(* nobody answered stays in `late` and may arrive at any time, any number  *)
(* of times; one that was answered may be in there too, and arrive again.  *)
(* Orders change at will: run, roll back, hold.                            *)
(*                                                                         *)
(* What a shard does with a call is in `Effect` and checks what the shard  *)
(* checks (fence, rule of the row), nothing else. That each step is one of *)
(* Slot.tla, with all that must be true then, is a theorem that TLC checks *)
(* (`IsSlot`).                                                             *)
(*                                                                         *)
(* Each guard can be left out by its name in `Without`; then a named       *)
(* property no longer holds.                                               *)
(***************************************************************************)
EXTENDS Slot, TLC

CONSTANTS
  Fences,     \* generations that a lease may have
  Engines,
  MaxLate,    \* how many calls may be `late` at once
  Without,    \* the guards that are left out: {} in what is claimed
  Lossy       \* "copy": applying a copied batch may lose records; "reverse": following backwards may; "none"

VARIABLES
  eng,        \* by engine: where it stands
  late,       \* calls that may arrive behind everybody's back
  holder      \* by shard: which engine the highest lease generation belongs to

vars == <<row, recs, queue, fence, doc, decided, again, eng, late, holder>>

Has(guard) == guard \notin Without
LastKey == Cardinality(Keys)

(* `pc` is the call that an engine makes next, or where it reads. `fpc` is its second lane, which follows while the first one copies.
   `at`: how far the copy has come, `upto`: how far it will have come once what was read is applied. `side`: the shard with the log. `sg`: the slot's generation as observed. *)
Down == [pc |-> "down", gen |-> 0, buf |-> {}, done |-> FALSE, fpc |-> "rest", fbuf |-> {}, at |-> 0, upto |-> 0,
         side |-> S, sg |-> 0, turn |-> "no", ndoc |-> NoDoc]

-----------------------------------------------------------------------------
(* Calls, and what a shard makes of them. *)

Message(kind, e, to) ==
  [kind |-> kind, gen |-> eng[e].gen, by |-> e, to |-> to, keys |-> {}, done |-> FALSE, sg |-> 0, captured |-> FALSE, ndoc |-> NoDoc,
   lossy |-> FALSE]

CallOf(e) ==
  LET x == eng[e] IN
  CASE x.pc = "take1" -> Message("take", e, S)
    [] x.pc = "take2" -> Message("take", e, T)
    [] x.pc = "beginImport" -> Message("beginImport", e, T)
    [] x.pc = "startCapture" -> Message("startCapture", e, S)
    [] x.pc = "copyApply" -> [Message("apply", e, T) EXCEPT !.keys = x.buf, !.done = x.done, !.lossy = Lossy = "copy"]
    [] x.pc \in {"followApply", "drainApply"} ->
         [Message("apply", e, Other(x.side)) EXCEPT !.keys = x.buf, !.lossy = Lossy = "reverse" /\ x.pc = "followApply" /\ x.side = T]
    [] x.pc \in {"followDrop", "drainDrop"} -> [Message("drop", e, x.side) EXCEPT !.keys = x.buf]
    [] x.pc = "markVerified" -> Message("markVerified", e, T)
    [] x.pc = "release" -> Message("release", e, x.side)
    [] x.pc = "acquire" -> [Message("acquire", e, Other(x.side)) EXCEPT !.sg = x.sg, !.captured = x.side = S]
    [] x.pc = "takeBack" -> [Message("acquire", e, S) EXCEPT !.sg = x.sg + 1]
    [] x.pc = "stopCapture" -> Message("stopCapture", e, x.side)
    [] x.pc = "discard" -> Message("discard", e, x.side)
    [] x.pc = "record" -> [Message("record", e, S) EXCEPT !.ndoc = x.ndoc]

FollowCallOf(e) ==
  IF eng[e].fpc = "apply" THEN [Message("apply", e, T) EXCEPT !.keys = eng[e].fbuf]
                          ELSE [Message("drop", e, S) EXCEPT !.keys = eng[e].fbuf]

Calling == {"take1", "take2", "beginImport", "startCapture", "copyApply", "followApply", "followDrop", "drainApply", "drainDrop",
            "markVerified", "release", "acquire", "takeBack", "stopCapture", "discard", "record"}

(* A shard refuses a lower generation than it has seen. A document is at all shards: written where any of them takes it, as the newest counts. *)
Passes(c) ==
  IF ~Has("fence") THEN c.kind = "take" => c.gen >= fence[c.to]
  ELSE IF c.kind = "record" THEN \E s \in Shards : c.gen >= fence[s]
  ELSE /\ c.gen >= fence[c.to]
       /\ c.kind = "take" /\ c.gen = fence[c.to] /\ Has("holder") => holder[c.to] = c.by

(* The rules of shards/src/slot-rules.ts: what the row must be. *)
Legal(c) ==
  LET s == c.to  r == row[c.to] IN
  CASE c.kind \in {"take", "drop", "record"} -> TRUE
    [] c.kind = "beginImport" -> r.role = "importing" \/ (IsEmptied(s) /\ recs[s] = {})
    [] c.kind = "startCapture" -> r.role = "owned"
    [] c.kind = "apply" -> r.role = "importing" \/ IsKept(s)
    [] c.kind = "markVerified" -> r.role = "importing" /\ r.copy # "pending"
    [] c.kind = "release" -> (r.role = "owned" /\ r.captured) \/ IsKept(s)
    [] c.kind = "acquire" ->
         IF r.role = "owned" THEN r.gen = c.sg /\ r.captured = c.captured
         ELSE (r.role = "importing" /\ r.copy = "verified") \/ (IsKept(s) /\ r.gen <= c.sg)
    [] c.kind = "stopCapture" -> r.role = "owned"
    [] c.kind = "discard" -> r.role # "owned" /\ queue[s] = {}

(* What an accepted call changes. The first conjunct of each case is what `judge` answers with; `same` changes nothing. *)
Effect(c) ==
  LET s == c.to  r == row[c.to] IN
  CASE c.kind = "take" ->
         /\ fence' = [fence EXCEPT ![s] = c.gen] /\ holder' = [holder EXCEPT ![s] = c.by]
         /\ UNCHANGED <<row, recs, queue, doc>>
    [] c.kind = "beginImport" ->
         /\ row' = IF r.role = "importing" THEN row ELSE [row EXCEPT ![s] = Importing("pending")]
         /\ UNCHANGED <<recs, queue, fence, holder, doc>>
    [] c.kind = "startCapture" ->
         row' = [row EXCEPT ![s].captured = TRUE] /\ UNCHANGED <<recs, queue, fence, holder, doc>>
    [] c.kind = "apply" ->
         /\ \E ks \in (IF c.lossy THEN SUBSET c.keys ELSE {c.keys}) : recs' = [recs EXCEPT ![s] = @ \cup ks]
         /\ row' = IF c.done /\ r = Importing("pending") THEN [row EXCEPT ![s] = Importing("copied")] ELSE row
         /\ UNCHANGED <<queue, fence, holder, doc>>
    [] c.kind = "drop" ->
         queue' = [queue EXCEPT ![s] = @ \ c.keys] /\ UNCHANGED <<row, recs, fence, holder, doc>>
    [] c.kind = "markVerified" ->
         row' = [row EXCEPT ![s] = Importing("verified")] /\ UNCHANGED <<recs, queue, fence, holder, doc>>
    [] c.kind = "release" ->
         /\ row' = IF r.role = "owned" THEN [row EXCEPT ![s] = Released(r.gen + 1, TRUE)] ELSE row
         /\ UNCHANGED <<recs, queue, fence, holder, doc>>
    [] c.kind = "acquire" ->
         /\ row' = [row EXCEPT ![s] = Owned(c.sg, c.captured)]
         /\ queue' = IF r.role = "released" /\ ~c.captured THEN [queue EXCEPT ![s] = {}] ELSE queue
         /\ UNCHANGED <<recs, fence, holder, doc>>
    [] c.kind = "stopCapture" ->
         /\ row' = [row EXCEPT ![s].captured = FALSE]
         /\ queue' = IF r.captured THEN [queue EXCEPT ![s] = {}] ELSE queue
         /\ UNCHANGED <<recs, fence, holder, doc>>
    [] c.kind = "discard" ->
         \* A slice deletes some of the records; the row goes with the last.
         /\ \E ks \in SUBSET recs[s] :
              /\ ks = {} => recs[s] = {}
              /\ recs' = [recs EXCEPT ![s] = @ \ ks]
              /\ row' = IF ks # recs[s] \/ IsEmptied(s) THEN row
                        ELSE [row EXCEPT ![s] = IF r.role = "importing" THEN None ELSE [r EXCEPT !.kept = FALSE]]
         /\ UNCHANGED <<queue, fence, holder, doc>>
    [] c.kind = "record" -> doc' = c.ndoc /\ UNCHANGED <<row, recs, queue, fence, holder>>

Done(c) == Passes(c) /\ Legal(c) /\ Effect(c) /\ UNCHANGED <<decided, again>>
Untouched == UNCHANGED <<row, recs, queue, fence, doc, decided, again, holder>>

(* Calls that no shard would take any more are forgotten, which leaves fewer states. Right only while fences are heeded. *)
StillHeard(c) == ~Has("fence") \/ (IF c.kind = "record" THEN \E s \in Shards : c.gen >= fence'[s] ELSE c.gen >= fence'[c.to])
(* Nor can an engine do anything any more that is fenced at both shards: its next call would stop it. *)
Silenced(engines) ==
  IF ~Has("fence") THEN engines
  ELSE [e \in Engines |-> IF engines[e].gen < fence'[S] /\ engines[e].gen < fence'[T] THEN Down ELSE engines[e]]
Keep(calls) == late' = {c \in calls : StillHeard(c)}

-----------------------------------------------------------------------------
(* What an engine does next: slotState of slot-state.ts, then decide.ts. *)

State ==
  IF IsOwner(S)
  THEN IF row[T].role = "none" \/ (row[T].role = "released" /\ ~row[T].kept) THEN "untouched"
       ELSE IF row[T].role = "released" THEN "stale"
       ELSE IF row[T].role = "owned" THEN "broken"
       ELSE IF row[S].captured THEN (IF row[T].copy = "pending" THEN "copying" ELSE row[T].copy)
       ELSE IF row[T].copy = "pending" \/ ~Has("stale-copy") THEN "prepared" ELSE "stale"
  ELSE IF row[S].role # "released" \/ row[T].role = "none" THEN "broken"
  ELSE IF row[T].role = "owned" THEN (IF ~row[S].kept THEN "cleaned" ELSE IF row[T].captured THEN "cut" ELSE "sealed")
  ELSE IF ~row[S].kept THEN "broken"
  ELSE IF row[T].role = "released" THEN "returning" ELSE "switching"

Go(x, pc) == [x EXCEPT !.pc = pc]
On(x, side, pc) == [x EXCEPT !.pc = pc, !.side = side]
Write(x, d) == [x EXCEPT !.pc = "record", !.ndoc = d]

(* Turning round takes a new generation before it is written down. *)
TurnTo(x, d) ==
  LET y == [x EXCEPT !.turn = d, !.at = IF Has("place") THEN 0 ELSE x.at] IN
  IF Has("turn-fence") THEN [y EXCEPT !.pc = "take1", !.gen = x.gen + 1] ELSE Write([y EXCEPT !.turn = "no"], Turned(d))

Settled(x) == [x EXCEPT !.sg = SlotGeneration]

Forward(x) ==
  IF doc.end = "completed" THEN {}
  ELSE IF doc.dir = "back" THEN {TurnTo(x, "forward")}
  ELSE CASE State = "stale" -> {On(x, T, "discard")}
         [] State \in {"untouched", "prepared"} -> {[Go(x, "beginImport") EXCEPT !.at = IF Has("place") THEN 0 ELSE x.at]}
         [] State = "copying" -> {[Go(x, "copyRead") EXCEPT !.fpc = "read"], Go(x, "copyRead")}
         [] State = "copied" -> {On(x, S, "followRead"), On(x, S, IF Has("compare") THEN "compareOwner" ELSE "markVerified")}
         [] State = "verified" -> {On(x, S, "followRead"), On(x, S, "release")}
         [] State = "switching" -> {On(x, S, "drain")}
         [] State = "returning" -> {On(x, T, "drain")}
         [] State = "cut" -> {On(x, T, "followRead")}
              \cup IF ~doc.certified
                   THEN {IF Has("certify") THEN On(x, T, "compareOwner") ELSE Write(x, [doc EXCEPT !.certified = TRUE])}
                   ELSE IF ~doc.sealed THEN {Write(x, [doc EXCEPT !.sealed = TRUE])}
                   ELSE {On(x, T, "stopCapture")}
         [] State = "sealed" -> {On(x, S, "discard")}
              \cup IF Has("end") THEN {} ELSE {Write(x, [doc EXCEPT !.end = "completed"])}
         [] State = "cleaned" -> {Write(x, [doc EXCEPT !.end = "completed"])}
         [] OTHER -> {}

Back(x) ==
  IF (doc.sealed /\ Has("no-return")) \/ State \in {"sealed", "cleaned"} \/ doc.end = "rolled-back" THEN {}
  ELSE IF doc.dir = "forward" THEN {TurnTo(x, "back")}
  ELSE CASE State = "switching" -> {Go(x, "takeBack")}
         [] State = "returning" -> {On(x, T, "drain")}
         [] State = "cut" -> {On(x, T, "release")}
         [] State \in {"copying", "copied", "verified"} -> {On(x, S, "stopCapture")}
         [] State \in {"prepared", "stale"} -> {On(x, T, "discard")}
         [] State = "untouched" -> {Write(x, [doc EXCEPT !.end = "rolled-back"])}
         [] OTHER -> {}

Next1(x) == IF doc.dir = "none" THEN {Write(x, Begun)} ELSE Forward(Settled(x)) \cup Back(Settled(x))

(* Where an engine stands once its call was answered. *)
After(x) ==
  CASE x.pc = "take1" -> Go(x, "take2")
    [] x.pc = "take2" -> IF x.turn = "no" THEN Go(x, "idle") ELSE Write([x EXCEPT !.turn = "no"], Turned(x.turn))
    [] x.pc = "beginImport" -> Go(x, IF Has("capture-first") THEN "startCapture" ELSE "copyRead")
    [] x.pc = "copyApply" ->
         IF x.done THEN Go([x EXCEPT !.at = 0, !.upto = 0, !.buf = {}, !.done = FALSE], IF Has("capture-first") THEN "idle" ELSE "startCapture")
         ELSE Go([x EXCEPT !.at = x.upto, !.upto = 0, !.buf = {}], "copyRead")
    [] x.pc = "followApply" -> Go(x, "followDrop")
    [] x.pc = "drainApply" -> Go(x, "drainDrop")
    [] x.pc = "drainDrop" -> Go([x EXCEPT !.buf = {}], "drain")
    [] x.pc = "release" -> Go([x EXCEPT !.sg = @ + 1], IF Has("drain") THEN "drain" ELSE "acquire")
    [] x.pc = "discard" ->
         LET y == [x EXCEPT !.at = IF Has("place") THEN 0 ELSE x.at] IN
         IF x.side = T /\ doc.dir = "forward" /\ Has("discard-fence") THEN [y EXCEPT !.pc = "take1", !.gen = x.gen + 1] ELSE Go(y, "idle")
    [] OTHER -> Go([x EXCEPT !.buf = {}], "idle")

(* What only a step between two calls needs is not remembered beyond it: fewer states, same steps. *)
Rested(x) == IF x.pc = "idle" THEN [x EXCEPT !.buf = {}, !.upto = 0, !.done = FALSE, !.side = S, !.sg = 0, !.ndoc = NoDoc] ELSE x

-----------------------------------------------------------------------------
Start(e) ==
  /\ eng[e].pc = "down"
  /\ LET g == Max(fence[S], fence[T]) + 1 IN g \in Fences /\ eng' = [eng EXCEPT ![e] = [Down EXCEPT !.pc = "take1", !.gen = g]]
  /\ Untouched /\ UNCHANGED late

Decide(e) ==
  /\ eng[e].pc = "idle" /\ eng[e].fpc = "rest"
  /\ \E x \in Next1(eng[e]) : x.gen \in Fences /\ eng' = [eng EXCEPT ![e] = x]
  /\ Untouched /\ UNCHANGED late

Read(e) ==
  LET x == eng[e]  to(y) == eng' = [eng EXCEPT ![e] = Rested(y)] IN
  /\ \/ x.pc = "copyRead" /\ \E end \in (x.at + 1)..LastKey :
          to([Go(x, "copyApply") EXCEPT !.buf = {k \in recs[S] : k > x.at /\ k <= end}, !.upto = end, !.done = end = LastKey,
                                      !.at = IF Has("checkpoint-after") THEN @ ELSE end])
     \/ x.pc = "followRead" /\ IF queue[x.side] = {} THEN to(Go(x, "idle"))
                               ELSE to([Go(x, "followApply") EXCEPT !.buf = queue[x.side]])
     \/ x.pc = "drain" /\ IF queue[x.side] = {} THEN to(Go(x, "acquire"))
                          ELSE to([Go(x, "drainApply") EXCEPT !.buf = queue[x.side]])
     \* The owner's digest leaves out what is in its log at that instant, and nobody else writes to the mirror.
     \/ x.pc = "compareOwner" /\ to([Go(x, "compareMirror") EXCEPT !.buf = recs[x.side] \ queue[x.side]])
     \/ /\ x.pc = "compareMirror"
        /\ to(IF recs[Other(x.side)] = x.buf
              THEN IF x.side = S THEN Go(x, "markVerified") ELSE Write(x, [doc EXCEPT !.certified = TRUE])
              ELSE IF x.side = S /\ recs[T] \subseteq recs[S] THEN [Go(x, "copyApply") EXCEPT !.buf = recs[S], !.done = TRUE]
              ELSE Go(x, "idle"))
  /\ Untouched /\ UNCHANGED late

(* What was sent may still arrive, or may not. *)
With(c) == IF Cardinality(late \cup {c}) <= MaxLate THEN late \cup {c} ELSE late
(* What was answered may arrive once more. Not so a document, of which a shard never puts an older revision in the place of a newer one. *)
Twice(c) == IF c.kind = "record" THEN {late} ELSE {late, With(c)}

(* A call that is answered at once; refused, its engine stops. *)
Call(e) ==
  /\ eng[e].pc \in Calling
  /\ \/ /\ Done(CallOf(e)) /\ eng' = Silenced([eng EXCEPT ![e] = Rested(After(eng[e]))])
        /\ \E sent \in Twice(CallOf(e)) : Keep(sent)
     \/ ~(Passes(CallOf(e)) /\ Legal(CallOf(e))) /\ eng' = [eng EXCEPT ![e] = Down] /\ Untouched /\ UNCHANGED late

(* No answer. Before the shards are looked at again there is a new generation; or the process is no more. *)
GiveUp(e) ==
  /\ eng[e].pc \in Calling
  /\ late' = With(CallOf(e))
  /\ eng' = [eng EXCEPT ![e] = [Rested(Go(eng[e], "idle")) EXCEPT !.pc = "unanswered", !.turn = "no"]]
  /\ Untouched

Raise(e) ==
  /\ \/ eng[e].pc = "unanswered" /\ eng[e].fpc \in {"rest", "unanswered"}
     \/ eng[e].pc = "idle" /\ eng[e].fpc = "unanswered"
  /\ IF Has("unanswered-fence")
     THEN eng[e].gen + 1 \in Fences /\ eng' = [eng EXCEPT ![e].pc = "take1", ![e].fpc = "rest", ![e].fbuf = {}, ![e].gen = @ + 1]
     ELSE eng' = [eng EXCEPT ![e].pc = "idle", ![e].fpc = "rest", ![e].fbuf = {}]
  /\ Untouched /\ UNCHANGED late

(* The lane that follows while the other one copies. *)
Follow(e) ==
  LET x == eng[e] IN
  \/ /\ x.fpc = "read" /\ Untouched /\ UNCHANGED late
     /\ \/ queue[S] # {} /\ eng' = [eng EXCEPT ![e].fpc = "apply", ![e].fbuf = queue[S]]
        \/ eng' = [eng EXCEPT ![e].fpc = "rest"]
  \/ /\ x.fpc \in {"apply", "drop"}
     /\ \/ /\ Done(FollowCallOf(e)) /\ \E sent \in Twice(FollowCallOf(e)) : Keep(sent)
           /\ eng' = [eng EXCEPT ![e].fpc = IF x.fpc = "apply" THEN "drop" ELSE "rest", ![e].fbuf = IF x.fpc = "apply" THEN @ ELSE {}]
        \/ ~(Passes(FollowCallOf(e)) /\ Legal(FollowCallOf(e))) /\ eng' = [eng EXCEPT ![e] = Down] /\ Untouched /\ UNCHANGED late
        \/ late' = With(FollowCallOf(e)) /\ eng' = [eng EXCEPT ![e].fpc = "unanswered", ![e].fbuf = {}] /\ Untouched

(* A process dies at a call that nobody answers it any more. (Elsewhere it may as well stand still for ever, which any engine may.) *)
Crash(e) ==
  /\ eng[e].pc = "unanswered" \/ eng[e].fpc = "unanswered"
  /\ eng' = [eng EXCEPT ![e] = Down] /\ Untouched /\ UNCHANGED late

(* It stays: the network may deliver it again. *)
Deliver == \E c \in late : Done(c) /\ Keep(late) /\ eng' = Silenced(eng)

Write1 ==
  \E s \in Shards, k \in Keys :
    /\ \/ IsOwner(s)
       \/ ~Has("owner-check") /\ row[s].role # "none"
    /\ k \notin recs[s]
    /\ recs' = [recs EXCEPT ![s] = @ \cup {k}]
    /\ queue' = IF row[s].captured /\ (s = S \/ Has("reverse-capture")) THEN [queue EXCEPT ![s] = @ \cup {k}] ELSE queue
    /\ decided' = decided \cup {k} /\ again' = (again \/ k \in decided)
    /\ UNCHANGED <<row, fence, doc, holder, eng, late>>

Init == SlotInit /\ eng = [e \in Engines |-> Down] /\ late = {} /\ holder = [s \in Shards |-> "nobody"]

Next == Write1 \/ Deliver
        \/ \E e \in Engines : Start(e) \/ Decide(e) \/ Read(e) \/ Call(e) \/ GiveUp(e) \/ Raise(e) \/ Follow(e) \/ Crash(e)

Spec == Init /\ [][Next]_vars

(* Which engine is which makes no difference. *)
Alike == Permutations(Engines)

(* Every step is one of Slot.tla: what must be true there when a call arrives, is. *)
IsSlot == [][SlotNext]_slotVars

(* A slot that is broken stops the migration; none of its own steps breaks one. *)
NotBroken == State # "broken"
=============================================================================
