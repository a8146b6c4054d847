------------------------------ MODULE Writable ------------------------------
(***************************************************************************)
(* A writable stream: a writer gives chunks to a sink that is slower. The  *)
(* stream queues what the sink cannot take yet, tells the writer when to   *)
(* wait and when to go on, and calls a callback once a write has ended. It *)
(* is Node's stream.Writable with its corners mended; Quirks puts them     *)
(* back, one by one.                                                       *)
(*                                                                         *)
(* How to read this. The stream has control while `todo`, its stack, has   *)
(* work on top: exactly one action of Stream.tla is enabled then. It loses *)
(* control when it calls out (a call is on top) or when nothing is left to *)
(* do. Then the world may act: one of the actions here pushes work, or the *)
(* call returns. So user code that writes from inside an event handler is  *)
(* nothing special.                                                        *)
(*                                                                         *)
(* Rule numbers are those of the documentation of highwater::machine; the  *)
(* names of the actions are those of its inputs.                           *)
(***************************************************************************)
EXTENDS Stream

(***************************************************************************)
(* When the world may act.                                                 *)
(***************************************************************************)
Depth == Cardinality({i \in DOMAIN todo : todo[i].what \in Calls})
WorldActs == InUserCode /\ Depth <= MaxNest
UserActs == WorldActs /\ Len(ticks) < MaxTicks

\* The number of a new call of the user, and its callback, if it has one.
Number == IF Numbered THEN count + 1 ELSE 0
NewId(cb) == IF cb THEN <<Number>> ELSE <<>>
CountCall == /\ UserActs
             /\ Numbered => count < MaxCalls
             /\ count' = Number

(***************************************************************************)
(* What the world does: the writer.                                        *)
(***************************************************************************)
\* Rule 1: why a chunk would be refused now.
Refusal(len) ==
  IF s.ending # "Open" THEN "WRITE_AFTER_END"
  ELSE IF Destroyed THEN "DESTROYED"
  ELSE IF s.errored # None /\ Stops THEN s.errored
  ELSE IF s.length + Measure(len) > Limit THEN "TOO_LONG"
  ELSE None

\* Rule 3: whether a chunk goes to the sink at once.
Straight ==
  /\ s.sink = "Idle"
  /\ (queue = <<>> /\ ~s.flushing) \/ Has("REORDERS")
  /\ s.corked = 0
  /\ s.opening = "Done"
  /\ s.errored = None

\* Rules 1 and 3. `after` is what follows in the same call.
Refuse(cb, fault, after) ==
  /\ s' = [s EXCEPT !.needDrain = @ \/ (fault = "TOO_LONG" /\ s.length > 0)]
  /\ ticks' = (IF cb THEN Append(ticks, Tick("Callback", fault, FALSE, NewId(cb))) ELSE ticks)
  /\ todo' = (IF fault # "TOO_LONG" /\ RefusalsFail
              THEN <<Do("Fail", fault, TRUE, <<>>)>> ELSE <<>>) \o after \o todo
  /\ UNCHANGED <<queue, flight, kept, owes>>

GoStraight(len, cb, after) ==
  /\ s' = [s EXCEPT !.pending = @ + 1, !.length = @ + Measure(len), !.inFlight = Measure(len),
                    !.sink = "Writing", !.flightCb = cb, !.sync = TRUE]
  /\ flight' = NewId(cb)
  /\ todo' = <<Do("write", None, FALSE, <<Number>>)>> \o Just("Answer") \o after \o todo
  /\ owes' = owes \cup {"write"}
  /\ UNCHANGED <<queue, kept, ticks>>

Enqueue(len, cb, after) ==
  /\ s' = [s EXCEPT !.pending = @ + 1, !.length = @ + Measure(len), !.queueCb = @ \/ cb,
                    !.needDrain = @ \/ (s.length + Measure(len) >= Mark /\ s.length + Measure(len) > 0)]
  /\ queue' = Append(queue, [id |-> Number, len |-> len, cb |-> cb])
  /\ todo' = after \o todo
  /\ UNCHANGED <<flight, kept, ticks, owes>>

WriteChunk(len, cb, fault, after) ==
  /\ CountCall
  /\ Len(queue) < MaxQueue
  /\ IF fault # None THEN Refuse(cb, fault, after)
     ELSE IF Straight THEN GoStraight(len, cb, after)
     ELSE Enqueue(len, cb, after)

WriteOf(len, cb) ==
  WriteChunk(len, cb, Refusal(len), <<Do("WriteReturns", Refusal(len), FALSE, <<Number>>)>>)

Write == FALSE \in WithCallback /\ \E len \in Lens : WriteOf(len, FALSE)
WriteWithCallback == TRUE \in WithCallback /\ \E len \in Lens : WriteOf(len, TRUE)

\* Rule 12.
Cork ==
  /\ "cork" \in UserCalls /\ CountCall
  /\ s.corked < MaxCork
  /\ s' = [s EXCEPT !.corked = @ + 1]
  /\ UNCHANGED <<queue, flight, kept, ticks, todo, owes>>

\* Not counted: a writer that corks may always uncork.
Uncork ==
  /\ "cork" \in UserCalls /\ UserActs
  /\ IF s.corked = 0 THEN UNCHANGED <<s, todo>>
     ELSE /\ s' = [s EXCEPT !.corked = @ - 1]
          /\ todo' = Just("Flush") \o (IF Has("FORGETS_FINISH") THEN <<>> ELSE Just("Look")) \o todo
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

\* Rule 13. A chunk is written first, as if by write(), without a callback.
EndOf(cb) ==
  /\ "end" \in UserCalls /\ CountCall
  /\ Len(kept) < MaxEnds
  /\ todo' = <<Do("End", None, cb, NewId(cb))>> \o todo
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes>>

End == FALSE \in WithCallback /\ EndOf(FALSE)
EndWithCallback == TRUE \in WithCallback /\ EndOf(TRUE)

EndChunk ==
  /\ "endChunk" \in UserCalls
  /\ Len(kept) < MaxEnds
  /\ \E len \in Lens :
       WriteChunk(len, FALSE, Refusal(len), <<Do("End", Refusal(len), FALSE, <<>>)>>)

\* Rule 18.
Destroy ==
  /\ "destroy" \in UserCalls /\ CountCall
  /\ todo' = With("Destroy", None) \o todo
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes>>

DestroyWithError ==
  /\ "destroyError" \in UserCalls /\ CountCall
  /\ todo' = With("Destroy", "E_USER") \o todo
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes>>

(***************************************************************************)
(* What the world does: the sink and the hooks answer.                     *)
(***************************************************************************)
\* Rule 6: not an answer of a write, or a second one of the same call.
Unasked ==
  /\ todo' = <<Do("Fail", "MULTIPLE_CALLBACK", FALSE, <<>>)>> \o todo
  /\ UNCHANGED <<s, flight, ticks>>

\* Rule 7: the sink has written what it was given.
Answered ==
  /\ s' = [s EXCEPT !.sink = "Idle", !.flightCb = FALSE,
                    !.length = @ - s.inFlight, !.inFlight = 0]
  /\ flight' = <<>>
  /\ UNCHANGED ticks
  /\ todo' = (IF ~s.sync THEN Just("Flush") \o <<Do("AfterWrite", None, s.flightCb, flight)>>
              ELSE IF Has("DEFERS_LATE")
                   THEN Just("Flush") \o <<Do("SettleLate", None, s.flightCb, flight)>>
              ELSE <<Do("Settle", None, s.flightCb, flight)>>) \o todo

\* Rule 8: it has failed to.
AnsweredError(fault) ==
  /\ s' = [s EXCEPT !.sink = "Idle", !.flightCb = FALSE,
                    !.length = @ - s.inFlight, !.inFlight = 0, !.errored = First(@, fault)]
  /\ flight' = <<>>
  /\ LET failed == Do("WriteFailed", fault, s.flightCb, flight)
     IN IF s.sync THEN ticks' = Append(ticks, failed) /\ UNCHANGED todo
        ELSE todo' = <<failed>> \o todo /\ UNCHANGED ticks

TakesAnswer(again) == s.sink = "Writing" /\ (~again \/ Has("TAKES_ANY_ANSWER"))

Written ==
  /\ WorldActs /\ "write" \in owes
  /\ owes' = owes \ {"write"}
  /\ IF TakesAnswer(FALSE) THEN Answered ELSE Unasked
  /\ UNCHANGED <<queue, kept, count>>

WrittenError ==
  /\ WorldActs /\ "write" \in owes /\ "write" \in Failing
  /\ owes' = owes \ {"write"}
  /\ IF TakesAnswer(FALSE) THEN AnsweredError("E_SINK") ELSE Unasked
  /\ UNCHANGED <<queue, kept, count>>

WrittenAgain ==
  /\ UserActs /\ Twice
  /\ IF TakesAnswer(TRUE) THEN Answered ELSE Unasked
  /\ UNCHANGED <<queue, kept, owes, count>>

\* Rule 24: so much more of what is in flight is done. It leaves the length, but
\* the write is not answered yet. The stream that has room now says so, unless it
\* hears of this within the sink's own call: then the answer will say it.
ProgressOf(n) ==
  LET part == IF n < s.inFlight THEN n ELSE s.inFlight
      tells == ~s.sync /\ TellsDrain(s.length - part)
  IN /\ \/ "write" \in owes
        \/ Twice /\ Len(ticks) < MaxTicks
     /\ IF s.sink # "Writing" THEN UNCHANGED <<s, todo>>
        ELSE /\ s' = [s EXCEPT !.length = @ - part, !.inFlight = @ - part,
                               !.needDrain = @ /\ ~tells]
             /\ todo' = (IF tells THEN Just("drain") ELSE <<>>) \o todo
     /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

Progress == WorldActs /\ \E n \in Parts : ProgressOf(n)

\* Rule 20: the answer of construct waits a tick.
ConstructedOf(fault) ==
  /\ \/ "construct" \in owes
     \/ Twice /\ HasConstruct /\ Len(ticks) < MaxTicks
  /\ owes' = owes \ {"construct"}
  /\ ticks' = Append(ticks, Tick("Constructed", fault, FALSE, <<>>))
  /\ UNCHANGED <<s, queue, flight, kept, todo, count>>

Constructed == WorldActs /\ ConstructedOf(None)
ConstructedError == WorldActs /\ "construct" \in Failing /\ ConstructedOf("E_CONSTRUCT")

\* Rule 15.
FinalizedOf(fault) ==
  /\ \/ "final" \in owes
     \/ Twice /\ HasFinal /\ Len(ticks) < MaxTicks
  /\ owes' = owes \ {"final"}
  /\ todo' = With("Finalized", fault) \o todo
  /\ UNCHANGED <<s, queue, flight, kept, ticks, count>>

Finalized == WorldActs /\ FinalizedOf(None)
FinalizedError == WorldActs /\ "final" \in Failing /\ FinalizedOf("E_FINAL")

\* Rule 19: only the first answer counts.
DestroyedOf(fault) ==
  /\ \/ "destroy" \in owes
     \/ Twice /\ Len(ticks) < MaxTicks
  /\ owes' = owes \ {"destroy"}
  /\ IF s.teardown # "Called" THEN UNCHANGED <<s, ticks>>
     ELSE /\ s' = [s EXCEPT !.errored = First(@, fault), !.teardown = "Closed"]
          /\ ticks' = Append(ticks, Tick("Close", fault, FALSE, <<>>))
  /\ UNCHANGED <<queue, flight, kept, todo, count>>

DestroyAnswered == WorldActs /\ DestroyedOf(None)
DestroyAnsweredError == WorldActs /\ "destroy" \in Failing /\ DestroyedOf("E_DESTROY")

(***************************************************************************)
(* What the world does: time passes.                                       *)
(***************************************************************************)
\* A call of the stream returns.
Return ==
  /\ todo # <<>> /\ InUserCode
  /\ todo' = Tail(todo)
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes, count>>

\* Nothing is on the stack: what was deferred first is done.
RunTick ==
  /\ todo = <<>> /\ ticks # <<>>
  /\ todo' = <<Head(ticks)>>
  /\ ticks' = Tail(ticks)
  /\ UNCHANGED <<s, queue, flight, kept, owes, count>>

(***************************************************************************)
(* All of it.                                                              *)
(***************************************************************************)
Init ==
  /\ s = [length |-> 0, inFlight |-> 0, pending |-> 0, corked |-> 0,
          errored |-> None, errorTold |-> FALSE,
          opening |-> IF HasConstruct THEN "NotCalled" ELSE "Done",
          sink |-> "Idle", ending |-> "Open", teardown |-> "None", reason |-> None,
          flightCb |-> FALSE, queueCb |-> FALSE, sync |-> FALSE, flushing |-> FALSE,
          needDrain |-> FALSE, afterWriteWaits |-> FALSE]
  /\ queue = <<>> /\ flight = <<>> /\ kept = <<>> /\ todo = <<>>
  /\ ticks = IF HasConstruct THEN <<Tick("Construct", None, FALSE, <<>>)>> ELSE <<>>
  /\ owes = {} /\ count = 0

UserNext ==
  \/ Write \/ WriteWithCallback \/ Cork \/ Uncork
  \/ End \/ EndWithCallback \/ EndChunk \/ Destroy \/ DestroyWithError

AnswerNext ==
  \/ Written \/ WrittenError \/ WrittenAgain \/ Progress
  \/ Constructed \/ ConstructedError \/ Finalized \/ FinalizedError
  \/ DestroyAnswered \/ DestroyAnsweredError

Next ==
  \/ InUserCode /\ (UserNext \/ AnswerNext \/ Return \/ RunTick)
  \/ ~InUserCode /\ StreamNext

Spec == Init /\ [][Next]_vars
=============================================================================
