------------------------------- MODULE SlotTrace -------------------------------
(***************************************************************************)
(* Holds recorded lives of slots against Slot.tla. `Traces`, a sequence    *)
(* of sequences of states, is in TraceData.tla, which is made from what    *)
(* the simulator did (src/traces). Each state but the first of a trace     *)
(* must follow from the one before by a step of Slot.tla; where it does    *)
(* not, TLC says "Deadlock", and which trace stood where.                  *)
(***************************************************************************)
EXTENDS Slot, Sequences, TLC, TraceData

VARIABLES trace, at

Is(state) == /\ row' = state.row /\ recs' = state.recs /\ queue' = state.queue
             /\ fence' = state.fence /\ doc' = state.doc

TraceInit ==
  /\ trace \in 1..Len(Traces) /\ at = 1
  /\ LET first == Traces[trace][1] IN
       /\ row = first.row /\ recs = first.recs /\ queue = first.queue /\ fence = first.fence /\ doc = first.doc
       /\ decided = first.recs[S] \cup first.recs[T]
  /\ again = FALSE

Step ==
  /\ at < Len(Traces[trace])
  /\ at' = at + 1 /\ UNCHANGED trace
  /\ Is(Traces[trace][at + 1])
  /\ decided' = decided \cup recs'[S] \cup recs'[T]
  /\ again' = FALSE
  /\ SlotNext

AtTheEnd == at = Len(Traces[trace]) /\ UNCHANGED <<slotVars, trace, at>>

TraceSpec == TraceInit /\ [][Step \/ AtTheEnd]_<<slotVars, trace, at>>
=============================================================================
