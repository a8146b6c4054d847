------------------------------ MODULE Contract ------------------------------
(***************************************************************************)
(* What users of a stream may rely on: the invariants, by the names that   *)
(* they have in the documentation and in the tests.                        *)
(*                                                                         *)
(* An observer watches the stream from outside: which calls the user made, *)
(* what the sink was given, what it reported and answered, which callbacks *)
(* and events came. Whether the stream has failed it reads from its state. *)
(* Calls of the user are numbered (Numbered = TRUE); there are at most     *)
(* MaxCalls of them.                                                       *)
(***************************************************************************)
EXTENDS Writable

VARIABLE seen
  \* line:     accepted chunks that the sink has not been given, in order
  \* sink:     chunks that the sink is working on
  \* done:     how much of these, by its own reports, the sink has done
  \* fate:     what became of each call so far: "accepted", "refused", "written",
  \*           "failed", "taken" (back by destroy), "dropped"; "other" if no write
  \* lens:     by how much each call made the length grow
  \* owed:     calls that came with a callback
  \* called:   calls whose callback was called
  \* returned: calls that have returned
  \* late:     those that returned when the stream was destroyed
  \* corks:    cork() not taken back;  ended, destroyed: end() was accepted, destroy() called
  \* waits:    a write has returned false since the last 'drain'
  \* final:    what final answered last: "none", "ok", "error"
  \* errors, finishes, closes: how often the stream emitted these, up to twice

observed == <<s, queue, flight, kept, ticks, todo, owes, count, seen>>

(***************************************************************************)
(* What can be seen.                                                       *)
(***************************************************************************)
\* A call begins: it is put on the stack, or takes the place of the work that
\* led to it. A call that returns, or work that is done, shortens the stack.
Begins ==
  /\ todo' # <<>> /\ Head(todo').what \in Calls
  /\ IF InUserCode THEN Len(todo') > Len(todo) ELSE Len(todo') >= Len(todo)
Starts(what) == Begins /\ Head(todo').what = what
SinkStarts == Starts("write") \/ Starts("batch")
CallbackStarts == Starts("callback")
Given == Head(todo').ids

UserCalled == count' # count
Accepts == UserCalled /\ s'.pending > s.pending
Refuses == UserCalled /\ ~Accepts /\ \E i \in DOMAIN todo' :
  todo'[i].what \in {"WriteReturns", "End"} /\ todo'[i].fault # None /\ i <= 2 + Len(todo') - Len(todo)
SinkAnswers == "write" \in owes /\ "write" \notin owes'
Progresses == s.sink = "Writing" /\ s'.sink = "Writing" /\ s'.inFlight < s.inFlight
TakesBack == s.sink = "Writing" /\ s'.sink = "TakenBack"
Drops == queue # <<>> /\ queue' = Tail(queue) /\ ~SinkStarts /\ ~Top("Batched")
Returns == Top("WriteReturns") \/ Top("EndCallback")
EndIsAccepted == Top("AcceptEnd") /\ Head(todo).fault = None /\ s.ending = "Open" /\ s.errored = None

\* The answer of a write (rule 4), read as it returns.
ToldToWait == Top("WriteReturns") /\ IF Head(todo).fault = "TOO_LONG" THEN s.length > 0
                                ELSE Head(todo).fault = None /\ ~(HasRoom /\ ~Failed)

Numbers(ids) == {ids[i] : i \in DOMAIN ids}
Becomes(fate, numbers, what) == [i \in DOMAIN fate |-> IF i \in numbers THEN what ELSE fate[i]]
Told(times, what) == IF Starts(what) /\ times < 2 THEN times + 1 ELSE times

Lined == IF Accepts THEN Append(seen.line, count') ELSE seen.line
Line == IF SinkStarts /\ Len(Given) <= Len(Lined) THEN SubSeq(Lined, Len(Given) + 1, Len(Lined))
        ELSE IF Drops THEN Tail(Lined) ELSE Lined
Fate(did) ==
  IF UserCalled
  THEN Append(seen.fate, IF Accepts THEN "accepted" ELSE IF Refuses THEN "refused" ELSE "other")
  ELSE IF did = "WrittenError" THEN Becomes(seen.fate, Numbers(seen.sink), "failed")
  ELSE IF did = "Written" THEN Becomes(seen.fate, Numbers(seen.sink), "written")
  ELSE IF TakesBack THEN Becomes(seen.fate, Numbers(seen.sink), "taken")
  ELSE IF Drops THEN Becomes(seen.fate, {Head(queue).id}, "dropped")
  ELSE seen.fate
Returned == IF Returns THEN Numbers(Head(todo).ids) ELSE {}

RECURSIVE Lengths(_)
Lengths(numbers) == IF numbers = <<>> THEN 0 ELSE seen.lens[Head(numbers)] + Lengths(Tail(numbers))

\* How much the sink still works on: what it was given, less what it has reported.
Left == Lengths(seen.sink) - seen.done
Least(n, m) == IF n < m THEN n ELSE m

\* What is seen of a step; `did` is what the world did, if it did something, and
\* `part` how much the sink has reported as done.
ObserveOf(did, part) ==
  seen' = [line |-> Line,
           sink |-> (IF SinkStarts THEN Given
                     ELSE IF SinkAnswers \/ TakesBack THEN <<>> ELSE seen.sink),
           done |-> (IF SinkStarts \/ SinkAnswers \/ TakesBack THEN 0
                     ELSE seen.done + Least(part, Left)),
           fate |-> Fate(did),
           lens |-> (IF UserCalled THEN Append(seen.lens, Less(s'.length, s.length)) ELSE seen.lens),
           owed |-> (IF did \in {"WriteWithCallback", "EndWithCallback"}
                     THEN seen.owed \cup {count'} ELSE seen.owed),
           called |-> (IF CallbackStarts THEN seen.called \cup Numbers(Given) ELSE seen.called),
           returned |-> seen.returned \cup Returned,
           late |-> (IF Destroyed THEN seen.late \cup Returned ELSE seen.late),
           corks |-> (IF did = "Cork" THEN seen.corks + 1
                      ELSE IF did = "Uncork" THEN Less(seen.corks, 1)
                      ELSE IF Top("End") THEN 0 ELSE seen.corks),
           ended |-> seen.ended \/ EndIsAccepted,
           destroyed |-> seen.destroyed \/ did \in {"Destroy", "DestroyWithError"},
           waits |-> ~Starts("drain") /\ (seen.waits \/ ToldToWait),
           final |-> (IF did = "Finalized" THEN "ok"
                      ELSE IF did = "FinalizedError" THEN "error" ELSE seen.final),
           errors |-> Told(seen.errors, "error"),
           finishes |-> Told(seen.finishes, "finish"),
           closes |-> Told(seen.closes, "close")]
Observe(did) == ObserveOf(did, 0)

ObservedProgress == WorldActs /\ \E n \in Parts : ProgressOf(n) /\ ObserveOf("Progress", n)

ObservedNext ==
  \/ InUserCode /\
       (\/ Write /\ Observe("Write") \/ WriteWithCallback /\ Observe("WriteWithCallback")
        \/ Cork /\ Observe("Cork") \/ Uncork /\ Observe("Uncork")
        \/ End /\ Observe("End") \/ EndWithCallback /\ Observe("EndWithCallback")
        \/ EndChunk /\ Observe("EndChunk")
        \/ Destroy /\ Observe("Destroy") \/ DestroyWithError /\ Observe("DestroyWithError")
        \/ Written /\ Observe("Written") \/ WrittenError /\ Observe("WrittenError")
        \/ WrittenAgain /\ Observe("WrittenAgain")
        \/ ObservedProgress
        \/ Constructed /\ Observe("Constructed") \/ ConstructedError /\ Observe("ConstructedError")
        \/ Finalized /\ Observe("Finalized") \/ FinalizedError /\ Observe("FinalizedError")
        \/ DestroyAnswered /\ Observe("DestroyAnswered")
        \/ DestroyAnsweredError /\ Observe("DestroyAnsweredError")
        \/ Return /\ Observe("Return") \/ RunTick /\ Observe("RunTick"))
  \/ ~InUserCode /\ StreamNext /\ Observe("nothing")

Begin ==
  /\ Init
  /\ seen = [line |-> <<>>, sink |-> <<>>, done |-> 0, fate |-> <<>>, lens |-> <<>>,
             owed |-> {}, called |-> {}, returned |-> {}, late |-> {}, corks |-> 0, ended |-> FALSE,
             destroyed |-> FALSE, waits |-> FALSE, final |-> "none",
             errors |-> 0, finishes |-> 0, closes |-> 0]

(***************************************************************************)
(* Safety.                                                                 *)
(***************************************************************************)
NoWriteAfterEnd == [][Accepts =>
  s.ending = "Open" /\ ~Failed /\ ~seen.ended /\ ~seen.destroyed]_observed

DrainEarned == [][Starts("drain") =>
  /\ seen.waits /\ s'.length <= LowMark
  /\ s.ending = "Open" /\ ~Failed /\ ~seen.ended /\ ~seen.destroyed]_observed

\* A sink that reports progress while it is being called gets no 'drain' back within
\* that call.
DrainLater == [][Starts("drain") => ~s.sync]_observed

RECURSIVE Sum(_)
Sum(chunks) == IF chunks = <<>> THEN 0 ELSE Measure(Head(chunks).len) + Sum(Tail(chunks))
LengthAccounts ==
  /\ s.length = s.inFlight + Sum(queue)
  /\ s.inFlight = Left
  /\ s.sink # "Writing" => s.inFlight = 0
  /\ s.length = Left + Lengths(seen.line)

LimitKept == s.length <= Limit

\* The sink is given what is first in line.
OrderKept == [][SinkStarts =>
  Len(Given) <= Len(Lined) /\ SubSeq(Lined, 1, Len(Given)) = Given]_observed

OneAtATime == [][SinkStarts => "write" \notin owes]_observed

CorkHolds == [][SinkStarts => seen.corks = 0]_observed

NothingSentAfterFailure == [][SinkStarts =>
  ~Failed /\ ~seen.destroyed /\ s.opening = "Done"]_observed

\* Nothing more will come of what was called so far.
Settled ==
  /\ todo = <<>> /\ ticks = <<>>
  /\ \/ Destroyed
     \/ "write" \notin owes /\ (s.errored # None \/ s.ending = "Told")
     \/ "write" \notin owes /\ s.ending = "Open" /\ queue = <<>>
     \/ owes = {} /\ s.corked = 0

\* Each once: not twice, with the truth about that very call, and in the end.
CallbackTruthful == [][CallbackStarts =>
  LET number == Given[1]
      ok == Head(todo').fault = None
      fate == seen.fate[number]
  IN /\ number \notin seen.called
     /\ fate = "failed" => Head(todo').fault = "E_SINK"
     /\ fate \in {"taken", "dropped"} => Head(todo').fault = First(s.errored, "DESTROYED")
     /\ ok <=> (fate = "written" \/ (fate = "other" /\ s.ending = "Finished" /\ number \notin seen.late))
     /\ fate # "accepted"]_observed
CallbackOnce == Settled => seen.owed \subseteq seen.called

CallbackLater == [][CallbackStarts => Given[1] \in seen.returned]_observed

\* The stream never becomes finished after destroy or error. It emits 'finish' once,
\* when it is finished; a callback of end() may destroy it meanwhile (rule 16).
Writes == {i \in DOMAIN seen.fate : seen.fate[i] \notin {"other", "refused"}}
FinishFlushed == [][
  /\ (~Finished /\ s'.ending \in {"Finished", "Told"}) =>
       /\ seen.ended /\ ~Failed /\ ~seen.destroyed
       /\ \A i \in Writes : seen.fate[i] = "written" /\ (i \in seen.owed => i \in seen.called)
       /\ HasFinal => seen.final = "ok"
  /\ Starts("finish") => Finished /\ seen.finishes = 0]_observed

ErrorOnce == [][
  /\ s.errored # None => s'.errored = s.errored
  /\ Starts("error") => seen.errors = 0]_observed

CloseLast == [][(s.teardown = "Told" \/ seen.closes > 0) /\ Begins =>
  /\ CallbackStarts
  /\ \/ seen.fate[Given[1]] = "refused"
     \/ seen.fate[Given[1]] = "other" /\ Given[1] \in seen.late]_observed

\* A writer that waits for room is owed a drain (unless that was cancelled).
AnswerTruthful == [][Top("WriteReturns") /\ Head(todo).fault = None /\ ~Failed /\ s.ending = "Open" =>
  (HasRoom \/ s.needDrain)]_observed

(***************************************************************************)
(* Liveness. The stream does its work, calls return, ticks run, sink and   *)
(* hooks answer, corks are taken back. Calls of the user are finitely many.*)
(***************************************************************************)
StreamWorks == ~InUserCode /\ StreamNext /\ Observe("nothing")
CallsReturn == Return /\ Observe("Return")
TicksRun == RunTick /\ Observe("RunTick")
SinkWrites == Written /\ Observe("Written")
ConstructAnswers == Constructed /\ Observe("Constructed")
FinalAnswersOk == Finalized /\ Observe("Finalized")
DestroyAnswers == DestroyAnswered /\ Observe("DestroyAnswered")
CorksReleased == s.corked > 0 /\ Uncork /\ Observe("Uncork")

Fairness ==
  /\ WF_observed(StreamWorks) /\ WF_observed(CallsReturn) /\ WF_observed(TicksRun)
  /\ WF_observed(SinkWrites) /\ WF_observed(ConstructAnswers) /\ WF_observed(FinalAnswersOk)
  /\ WF_observed(DestroyAnswers) /\ WF_observed(CorksReleased)

Observed == Begin /\ [][ObservedNext]_observed
ObservedFair == Observed /\ Fairness

Closed == IF EmitClose THEN seen.closes > 0 ELSE s.teardown = "Told"
Stopped == Failed \/ seen.destroyed

WaitIsAnswered == seen.waits ~> (~seen.waits \/ seen.ended \/ Stopped)
EndResolves == seen.ended ~> (seen.finishes > 0 \/ Stopped)
\* Finish and failure destroy the stream by themselves, if AutoDestroy says so.
DestroyCloses == (seen.destroyed \/ (AutoDestroy /\ (seen.finishes > 0 \/ s.errored # None))) ~> Closed
\* Of a stream that is destroyed, the destroy hook may drop the error.
FailureTold == (s.errored # None) ~> (seen.errors > 0 \/ Destroyed)

(***************************************************************************)
(* What users see of it all is a much simpler machine.                     *)
(***************************************************************************)
Users == INSTANCE Lifecycle WITH
  phase <- (IF s.ending \in {"Asked", "Finalizing", "Prefinished"} THEN "Ending" ELSE s.ending),
  stop <- (IF s.teardown = "Told" THEN "Closed"
          ELSE IF Destroyed THEN "Destroyed"
          ELSE IF s.errored # None THEN "Errored" ELSE "No"),
  waiting <- (s.needDrain /\ s.ending = "Open" /\ ~Failed),
  errorTold <- s.errorTold
IsALife == Users!Spec
=============================================================================
