------------------------------ MODULE Stream -------------------------------
(***************************************************************************)
(* What a writable stream does by itself, work by work. What the world     *)
(* around it does, and so how all begins, is in Writable.tla: read that    *)
(* first.                                                                  *)
(*                                                                         *)
(* Rule numbers are those of the documentation of highwater::machine; the  *)
(* names of the work are those of its continuations.                       *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
  \* What a stream is created with.
  Mark,          \* high-water mark: at this length or above, write returns false
  LowMark,       \* low-water mark: at this length or below, 'drain' comes (Node: 0)
  Limit,         \* a chunk that would pass this length is refused
  AutoDestroy,   \* finish and failure destroy the stream
  EmitClose,     \* the stream emits 'close'
  RefusalsFail,  \* a write after the end makes the stream fail
  ObjectMode,    \* every chunk counts 1
  Batches,       \* the sink takes several chunks in one call
  HasConstruct,  \* the sink has to be opened first
  HasFinal,      \* the sink has a last thing to do before 'finish'
  Quirks,        \* where Node breaks these rules (none: {})
  \* What the world may do: bounds, so that there are finitely many states.
  Lens,          \* lengths of chunks
  WithCallback,  \* whether writes and ends may have a callback: subset of BOOLEAN
  UserCalls,     \* subset of {"cork", "end", "endChunk", "destroy", "destroyError"}
  Failing,       \* which may answer with an error: subset of {"write", "construct", "final", "destroy"}
  Twice,         \* answers may come twice, or without a call
  Parts,         \* how much the sink may report as done, of what it works on
  MaxQueue, MaxTicks, MaxCork, MaxEnds,
  MaxNest,       \* from how deep inside the stream's calls the world may act
  Numbered,      \* calls of the user are numbered: the contract names each
  MaxCalls       \* at most so many of them, if they are numbered

ASSUME LowMark = 0 \/ LowMark < Mark

VARIABLES
  s,      \* what the machine knows: counts and flags
  queue,  \* chunks that wait for the sink, each [id, len, cb]
  flight, \* callbacks of what the sink is working on
  kept,   \* callbacks of end() that wait for 'finish'
  ticks,  \* what was deferred, first in, first out
  todo,   \* the stack: what the stream is doing, top first
  owes,   \* which of the sink and the hooks were called and have not answered
  count   \* how many calls of the user there were, if they are numbered

vars == <<s, queue, flight, kept, ticks, todo, owes, count>>

(***************************************************************************)
(* Words.                                                                  *)
(***************************************************************************)
None == "-"                                  \* no fault
First(a, b) == IF a # None THEN a ELSE b     \* the first error wins
Less(n, m) == IF n > m THEN n - m ELSE 0     \* counts never fall below 0 (rule 23)
Has(quirk) == quirk \in Quirks

Calls == {"write", "batch", "construct", "final", "destroy", "callback",
          "open", "drain", "prefinish", "finish", "error", "close"}

\* A thing on the stack: a call, or work. Which of its fields mean something
\* depends on what it is.
Do(what, fault, flag, ids) == [what |-> what, fault |-> fault, flag |-> flag, ids |-> ids]
Just(what) == <<Do(what, None, FALSE, <<>>)>>
With(what, fault) == <<Do(what, fault, FALSE, <<>>)>>

\* Calls of callbacks, one after the other.
Each(ids, fault) == IF ids = <<>> THEN <<>> ELSE <<Do("Each", fault, FALSE, ids)>>

Tick(what, fault, flag, ids) == Do(what, fault, flag, ids)

Measure(len) == IF ObjectMode THEN 1 ELSE len
HasRoom == s.length < Mark \/ s.length = 0
Destroyed == s.teardown # "None"
Failed == Destroyed \/ s.errored # None
Stops == Destroyed \/ (s.errored # None /\ ~Has("SENDS_AFTER_ERROR"))
Finished == s.ending \in {"Finished", "Told"}

InUserCode == todo = <<>> \/ Head(todo).what \in Calls

(***************************************************************************)
(* What the stream does.                                                   *)
(***************************************************************************)
Top(what) == todo # <<>> /\ Head(todo).what = what
Rest == Tail(todo)

\* write() returns; the observer reads its answer here (rule 4).
WriteReturns ==
  /\ Top("WriteReturns")
  /\ todo' = Rest
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes, count>>

\* Rules 4 and 5: the sink call of a direct write has returned.
Answer ==
  /\ Top("Answer")
  /\ s' = [s EXCEPT !.sync = FALSE, !.needDrain = @ \/ ~HasRoom]
  /\ todo' = Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

\* The next of some callbacks.
CallEach ==
  /\ Top("Each")
  /\ LET item == Head(todo)
     IN todo' = <<Do("callback", item.fault, FALSE, <<Head(item.ids)>>)>>
                \o Each(Tail(item.ids), item.fault) \o Rest
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes, count>>

\* A callback that was deferred by itself: of a refused write, or of an end.
DeferredCallback ==
  /\ Top("Callback")
  /\ todo' = Each(Head(todo).ids, Head(todo).fault) \o Rest
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes, count>>

(* ---------- the flush (rule 11) ---------- *)

MayFlush(corked) ==
  /\ queue # <<>> /\ ~corked
  /\ s.sink = "Idle" /\ s.opening = "Done" /\ ~Stops

SendHead(rest) ==
  LET head == Head(queue)
  IN /\ s' = [s EXCEPT !.inFlight = Measure(head.len), !.sink = "Writing",
                       !.flightCb = head.cb, !.sync = TRUE, !.flushing = TRUE]
     /\ queue' = Tail(queue)
     /\ flight' = (IF head.cb THEN <<head.id>> ELSE <<>>)
     /\ todo' = <<Do("write", None, FALSE, <<head.id>>)>> \o Just("Flushing") \o rest
     /\ owes' = owes \cup {"write"}
     /\ UNCHANGED <<kept, ticks, count>>

Ids(chunks) == [i \in DOMAIN chunks |-> chunks[i].id]
WithCb(chunks) == SelectSeq(chunks, LAMBDA chunk : chunk.cb)

SendBatch(rest) ==
  /\ s' = [s EXCEPT !.inFlight = s.length, !.sink = "Writing", !.flightCb = s.queueCb,
                    !.sync = TRUE, !.flushing = TRUE, !.queueCb = FALSE,
                    !.pending = Less(@, Len(queue) - 1)]
  /\ queue' = <<>>
  /\ flight' = Ids(WithCb(queue))
  /\ todo' = <<Do("batch", None, FALSE, Ids(queue))>> \o Just("Batched") \o rest
  /\ owes' = owes \cup {"write"}
  /\ UNCHANGED <<kept, ticks, count>>

Flush ==
  /\ Top("Flush")
  /\ IF s.flushing \/ ~MayFlush(s.corked > 0)
     THEN todo' = Rest /\ UNCHANGED <<s, queue, flight, kept, ticks, owes, count>>
     ELSE IF Len(queue) > 1 /\ Batches THEN SendBatch(Rest) ELSE SendHead(Rest)

\* A sink call of the flush has returned.
FlushGoesOn(chunks) ==
  IF s.flushing /\ chunks # <<>> /\ MayFlush(s.corked > 0 /\ ~Has("FLUSH_IGNORES_CORK"))
  THEN SendHead(Rest)
  ELSE IF /\ Has("DESTROY_ERRORS") /\ s.flushing /\ chunks # <<>>
          /\ s.sink = "Idle" /\ Destroyed
  THEN LET head == Head(queue)
       IN /\ s' = [s EXCEPT !.sync = FALSE, !.length = @ - Measure(head.len),
                            !.errored = First(@, "DESTROYED")]
          /\ queue' = Tail(queue)
          /\ ticks' = Append(ticks, Tick("WriteFailed", "DESTROYED", head.cb,
                                         IF head.cb THEN <<head.id>> ELSE <<>>))
          /\ todo' = Just("Flushing") \o Rest
          /\ UNCHANGED <<flight, kept, owes, count>>
  ELSE /\ s' = [s EXCEPT !.sync = FALSE, !.flushing = FALSE, !.queueCb = @ /\ chunks # <<>>]
       /\ queue' = chunks
       /\ todo' = Rest
       /\ UNCHANGED <<flight, kept, ticks, owes, count>>

Flushing == Top("Flushing") /\ FlushGoesOn(queue)

\* WRITEV_LOSES: what was queued meanwhile is lost, and its callbacks go with
\* those of the batch, if that has any.
HoldsCallbacks(tick) == tick.what \in {"AfterWrite", "WriteFailed"} /\ tick.ids # <<>>
LoseQueue ==
  LET lost == Ids(WithCb(queue))
      holders == {i \in DOMAIN ticks : HoldsCallbacks(ticks[i])}
  IN /\ s' = [s EXCEPT !.sync = FALSE, !.flushing = FALSE, !.queueCb = FALSE]
     /\ queue' = <<>>
     /\ flight' = (IF flight # <<>> THEN flight \o lost ELSE flight)
     /\ IF flight = <<>> /\ holders # {}
        THEN LET last == CHOOSE i \in holders : \A j \in holders : j <= i
             IN ticks' = [ticks EXCEPT ![last].ids = @ \o lost]
        ELSE UNCHANGED ticks
     /\ todo' = Rest
     /\ UNCHANGED <<kept, owes, count>>

Batched ==
  /\ Top("Batched")
  /\ IF Has("WRITEV_LOSES") THEN LoseQueue ELSE FlushGoesOn(queue)

(* ---------- after a write (rules 7 to 10, 17) ---------- *)

\* A drain is owed, and this length is low enough.
DrainWanted(length) == s.needDrain /\ length <= LowMark
\* Rules 9 and 24: the stream emits 'drain' now.
TellsDrain(length) == DrainWanted(length) /\ s.ending = "Open" /\ ~Stops

\* Rule 10: what follows a write that was answered at once waits for a tick, if
\* there is something to tell.
SettleBy(deferred, atOnce) ==
  LET item == Head(todo)
      tell == ~s.afterWriteWaits /\ (DrainWanted(s.length) \/ (ObjectMode /\ Has("OBJECT_MODE_TICK")))
  IN /\ IF item.flag \/ tell
        THEN /\ s' = [s EXCEPT !.afterWriteWaits = TRUE]
             /\ ticks' = Append(ticks, Tick("AfterWrite", None, item.flag, item.ids))
             /\ todo' = deferred \o Rest
        ELSE /\ s' = [s EXCEPT !.pending = Less(@, 1)]
             /\ todo' = atOnce \o Rest
             /\ UNCHANGED ticks
     /\ UNCHANGED <<queue, flight, kept, owes, count>>

Settle == Top("Settle") /\ SettleBy(Just("Flush"), Just("Flush") \o Just("Look"))
SettleLate == Top("SettleLate") /\ SettleBy(<<>>, Just("Look"))

\* Rule 9: 'drain' comes before the callbacks of the write that made room.
AfterWrite ==
  /\ Top("AfterWrite")
  /\ LET callbacks == <<Do("Callbacks", None, Head(todo).flag, Head(todo).ids)>>
     IN IF TellsDrain(s.length)
        THEN /\ s' = [s EXCEPT !.afterWriteWaits = FALSE, !.needDrain = FALSE]
             /\ todo' = Just("drain") \o callbacks \o Rest
        ELSE /\ s' = [s EXCEPT !.afterWriteWaits = FALSE]
             /\ todo' = callbacks \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

Callbacks ==
  /\ Top("Callbacks")
  /\ s' = [s EXCEPT !.pending = Less(@, 1)]
  /\ todo' = (IF Head(todo).flag THEN Each(Head(todo).ids, None) ELSE <<>>)
             \o Just("CallbacksDone") \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

CallbacksDone ==
  /\ Top("CallbacksDone")
  /\ todo' = (IF Stops THEN Just("Reject") ELSE <<>>) \o Just("Look") \o Rest
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes, count>>

\* Rule 8: the callback, the rest of the queue, then the failure.
WriteFailed ==
  /\ Top("WriteFailed")
  /\ LET item == Head(todo)
     IN /\ s' = [s EXCEPT !.pending = Less(@, 1)]
        /\ todo' = (IF item.flag THEN Each(item.ids, item.fault) ELSE <<>>)
                   \o Just("Reject") \o With("Fail", item.fault) \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

\* Rule 17: the write that destroy took back, then the queue, then the
\* callbacks of end; one of them at a time.
Reject ==
  /\ Top("Reject")
  /\ LET fault == First(s.errored, "DESTROYED")
     IN IF ~Failed \/ s.sink = "Writing"
        THEN todo' = Rest /\ UNCHANGED <<s, queue, flight, kept>>
        ELSE IF s.sink = "TakenBack"
        THEN /\ s' = [s EXCEPT !.sink = "Idle"]
             /\ flight' = <<>>
             /\ todo' = Each(flight, fault) \o todo
             /\ UNCHANGED <<queue, kept>>
        ELSE IF queue # <<>>
        THEN LET head == Head(queue)
             IN /\ s' = [s EXCEPT !.length = @ - Measure(head.len)]
                /\ queue' = Tail(queue)
                /\ todo' = Each(IF head.cb THEN <<head.id>> ELSE <<>>, fault) \o todo
                /\ UNCHANGED <<flight, kept>>
        ELSE /\ s' = [s EXCEPT !.queueCb = FALSE]
             /\ kept' = <<>>
             /\ todo' = (IF kept # <<>> THEN Each(kept, fault) \o todo ELSE Rest)
             /\ UNCHANGED <<queue, flight>>
  /\ UNCHANGED <<ticks, owes, count>>

(* ---------- the end (rules 13 to 16) ---------- *)

\* Rule 13: fully uncork, whatever becomes of this end.
EndUncorks ==
  /\ Top("End")
  /\ LET accept == <<[Head(todo) EXCEPT !.what = "AcceptEnd"]>>
     IN IF s.corked = 0
        THEN todo' = accept \o Rest /\ UNCHANGED s
        ELSE /\ s' = [s EXCEPT !.corked = 0]
             /\ todo' = Just("Flush") \o (IF Has("FORGETS_FINISH") THEN <<>> ELSE Just("Look"))
                        \o accept \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

AcceptEnd ==
  /\ Top("AcceptEnd")
  /\ LET item == Head(todo)
         accepted == item.fault = None /\ s.ending = "Open" /\ s.errored = None
         fault == IF accepted \/ item.fault # None THEN item.fault
                  ELSE IF Finished THEN "ALREADY_FINISHED"
                  ELSE IF Destroyed THEN "DESTROYED"
                  ELSE None
         then == IF item.flag THEN <<Do("EndCallback", fault, TRUE, item.ids)>> ELSE <<>>
     IN IF accepted
        THEN s' = [s EXCEPT !.ending = "Asked"] /\ todo' = Just("Look") \o then \o Rest
        ELSE todo' = then \o Rest /\ UNCHANGED s
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

EndCallback ==
  /\ Top("EndCallback")
  /\ LET item == Head(todo)
         destroyed == IF Destroyed /\ ~Has("FORGETS_END_CALLBACK") THEN "DESTROYED" ELSE None
         fault == First(item.fault, First(s.errored, destroyed))
     IN IF fault # None
        THEN ticks' = Append(ticks, Tick("Callback", fault, FALSE, item.ids)) /\ UNCHANGED kept
        ELSE kept' = kept \o item.ids /\ UNCHANGED ticks
  /\ todo' = Rest
  /\ UNCHANGED <<s, queue, flight, owes, count>>

\* Rule 14.
FinishIsDue ==
  /\ s.ending # "Open" /\ ~Finished /\ ~Failed
  /\ s.opening = "Done" /\ s.sink = "Idle"
  /\ queue = <<>> /\ s.length = 0
  /\ ~(s.flushing /\ Has("FORGETS_FINISH"))

Look ==
  /\ Top("Look")
  /\ IF ~FinishIsDue
     THEN todo' = Rest /\ UNCHANGED <<s, owes>>
     ELSE IF s.ending # "Asked"
     THEN todo' = <<Do("Prefinished", None, Head(todo).flag, <<>>)>> \o Rest /\ UNCHANGED <<s, owes>>
     ELSE IF HasFinal
     THEN /\ s' = [s EXCEPT !.ending = "Finalizing", !.pending = @ + 1, !.sync = TRUE]
          /\ todo' = Just("final") \o Just("Finalizing") \o Rest
          /\ owes' = owes \cup {"final"}
     ELSE /\ s' = [s EXCEPT !.ending = "Prefinished"]
          /\ todo' = Just("prefinish") \o <<Do("Prefinished", None, Head(todo).flag, <<>>)>> \o Rest
          /\ UNCHANGED owes
  /\ UNCHANGED <<queue, flight, kept, ticks, count>>

Finalizing ==
  /\ Top("Finalizing")
  /\ s' = [s EXCEPT !.sync = FALSE]
  /\ todo' = Just("Prefinished") \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

\* Rule 14: finish waits for every callback, and then for a tick (unless `flag`).
Prefinished ==
  /\ Top("Prefinished")
  /\ IF s.ending # "Prefinished" \/ s.pending > 0
     THEN todo' = Rest /\ UNCHANGED <<s, ticks>>
     ELSE IF ~Head(todo).flag
     THEN /\ s' = [s EXCEPT !.pending = @ + 1]
          /\ ticks' = Append(ticks, Tick("Finish", None, FALSE, <<>>))
          /\ todo' = Rest
     ELSE todo' = (IF FinishIsDue THEN Just("Finished") ELSE <<>>) \o Rest /\ UNCHANGED <<s, ticks>>
  /\ UNCHANGED <<queue, flight, kept, owes, count>>

\* Rule 15: final has answered.
FinalAnswers ==
  /\ Top("Finalized")
  /\ LET fault == Head(todo).fault
     IN IF s.ending # "Finalizing"
        THEN todo' = With("Fail", First(fault, "MULTIPLE_CALLBACK")) \o Rest /\ UNCHANGED <<s, kept>>
        ELSE IF fault # None
        THEN /\ s' = [s EXCEPT !.pending = Less(@, 1)]
             /\ kept' = <<>>
             /\ todo' = Each(kept, fault) \o With("FailFinal", fault) \o Rest
        ELSE IF FinishIsDue
        THEN /\ s' = [s EXCEPT !.pending = Less(@, 1), !.ending = "Prefinished"]
             /\ todo' = Just("prefinish") \o Just("DeferFinish") \o Rest
             /\ UNCHANGED kept
        ELSE s' = [s EXCEPT !.pending = Less(@, 1)] /\ todo' = Rest /\ UNCHANGED kept
  /\ UNCHANGED <<queue, flight, ticks, owes, count>>

FailFinal ==
  /\ Top("FailFinal")
  /\ todo' = <<Do("Fail", Head(todo).fault, s.sync, <<>>)>> \o Rest
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes, count>>

DeferFinish ==
  /\ Top("DeferFinish")
  /\ s' = [s EXCEPT !.pending = @ + 1]
  /\ ticks' = Append(ticks, Tick("Finish", None, Has("FINISH_AFTER_DESTROY"), <<>>))
  /\ todo' = Rest
  /\ UNCHANGED <<queue, flight, kept, owes, count>>

\* Rules 14 and 15: the deferred finish, if it is still due (or `flag`).
FinishTick ==
  /\ Top("Finish")
  /\ s' = [s EXCEPT !.pending = Less(@, 1)]
  /\ LET due == /\ s.ending = "Prefinished" /\ FinishIsDue
                /\ s.pending = 1 \/ Has("WRITEV_LOSES")
     IN todo' = (IF due \/ Head(todo).flag THEN Just("Finished") ELSE <<>>) \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

\* Rule 16: first the callers of end() know.
Finish ==
  /\ Top("Finished")
  /\ s' = [s EXCEPT !.ending = "Finished"]
  /\ kept' = <<>>
  /\ todo' = Each(kept, None) \o Just("TellFinish") \o Rest
  /\ UNCHANGED <<queue, flight, ticks, owes, count>>

TellFinish ==
  /\ Top("TellFinish")
  /\ IF s.ending # "Finished" \/ (s.teardown = "Told" /\ ~Has("FINISH_AFTER_DESTROY"))
     THEN todo' = Rest /\ UNCHANGED s
     ELSE s' = [s EXCEPT !.ending = "Told"] /\ todo' = Just("finish") \o Just("AutoDestroy") \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

DestroyItself ==
  /\ Top("AutoDestroy")
  /\ todo' = (IF AutoDestroy THEN With("Destroy", None) ELSE <<>>) \o Rest
  /\ UNCHANGED <<s, queue, flight, kept, ticks, owes, count>>

(* ---------- failure (rule 2) and destruction (rules 18 to 20) ---------- *)

SomethingToReject == s.sink = "TakenBack" \/ queue # <<>> \/ s.flushing \/ kept # <<>>

Fail ==
  /\ Top("Fail")
  /\ IF Destroyed
     THEN todo' = Rest /\ UNCHANGED <<s, ticks>>
     ELSE IF AutoDestroy
     THEN todo' = With("Destroy", Head(todo).fault) \o Rest /\ UNCHANGED <<s, ticks>>
     ELSE /\ s' = [s EXCEPT !.errored = First(@, Head(todo).fault)]
          /\ ticks' = (IF ~Has("SENDS_AFTER_ERROR") /\ SomethingToReject
                       THEN Append(ticks, Tick("Reject", None, FALSE, <<>>)) ELSE ticks)
          /\ todo' = <<[Head(todo) EXCEPT !.what = "TellError"]>> \o Rest
  /\ UNCHANGED <<queue, flight, kept, owes, count>>

\* Now, or in a tick (`flag`).
TellError ==
  /\ Top("TellError")
  /\ LET tell == Tick("Error", Head(todo).fault, FALSE, <<>>)
     IN IF Head(todo).flag
        THEN ticks' = Append(ticks, tell) /\ todo' = Rest
        ELSE todo' = <<tell>> \o Rest /\ UNCHANGED ticks
  /\ UNCHANGED <<s, queue, flight, kept, owes, count>>

\* At most one 'error', and none after 'close'.
Error ==
  /\ Top("Error")
  /\ IF s.errorTold \/ s.teardown = "Told"
     THEN todo' = Rest /\ UNCHANGED s
     ELSE s' = [s EXCEPT !.errorTold = TRUE] /\ todo' = With("error", Head(todo).fault) \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

\* Rule 18: what is in flight is taken back from the sink.
DestroyNow ==
  /\ Top("Destroy")
  /\ IF Destroyed
     THEN todo' = Rest /\ UNCHANGED <<s, ticks>>
     ELSE LET takes == s.sink = "Writing" /\ ~Has("CALLBACK_AFTER_CLOSE")
          IN /\ s' = [s EXCEPT !.errored = First(@, Head(todo).fault),
                               !.teardown = "Waiting", !.reason = Head(todo).fault,
                               !.sink = IF takes THEN "TakenBack" ELSE @,
                               !.length = IF takes THEN @ - s.inFlight ELSE @,
                               !.inFlight = IF takes THEN 0 ELSE @,
                               !.flightCb = @ /\ ~takes]
             /\ ticks' = (IF takes \/ SomethingToReject
                          THEN Append(ticks, Tick("Reject", None, FALSE, <<>>)) ELSE ticks)
             /\ todo' = Just("CallDestroy") \o Rest
  /\ UNCHANGED <<queue, flight, kept, owes, count>>

\* Not before construct has answered.
CallDestroy ==
  /\ Top("CallDestroy")
  /\ IF s.teardown = "Waiting" /\ s.opening = "Done"
     THEN /\ s' = [s EXCEPT !.teardown = "Called", !.reason = None]
          /\ todo' = With("destroy", s.reason) \o Rest
          /\ owes' = owes \cup {"destroy"}
     ELSE todo' = Rest /\ UNCHANGED <<s, owes>>
  /\ UNCHANGED <<queue, flight, kept, ticks, count>>

\* Rule 19.
Close ==
  /\ Top("Close")
  /\ IF s.teardown # "Closed"
     THEN todo' = Rest /\ UNCHANGED s
     ELSE IF Head(todo).fault # None /\ ~s.errorTold
     THEN /\ s' = [s EXCEPT !.errorTold = TRUE]
          /\ todo' = With("error", Head(todo).fault) \o Just("TellClose") \o Rest
     ELSE todo' = Just("TellClose") \o Rest /\ UNCHANGED s
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

TellClose ==
  /\ Top("TellClose")
  /\ IF s.teardown # "Closed"
     THEN todo' = Rest /\ UNCHANGED s
     ELSE /\ s' = [s EXCEPT !.teardown = "Told"]
          /\ todo' = (IF EmitClose THEN Just("close") ELSE <<>>) \o Rest
  /\ UNCHANGED <<queue, flight, kept, ticks, owes, count>>

\* Rule 20.
Construct ==
  /\ Top("Construct")
  /\ IF s.opening # "NotCalled"
     THEN todo' = Rest /\ UNCHANGED <<s, owes>>
     ELSE /\ s' = [s EXCEPT !.opening = "Called"]
          /\ todo' = Just("construct") \o Rest
          /\ owes' = owes \cup {"construct"}
  /\ UNCHANGED <<queue, flight, kept, ticks, count>>

TakeConstruct ==
  /\ Top("Constructed")
  /\ LET fault == Head(todo).fault
     IN IF s.opening # "Called"
        THEN todo' = With("Fail", First(fault, "MULTIPLE_CALLBACK")) \o Rest /\ UNCHANGED <<s, owes>>
        ELSE IF s.teardown = "Waiting"
        THEN /\ s' = [s EXCEPT !.opening = "Done", !.teardown = "Called", !.reason = None]
             /\ todo' = <<Do("destroy", First(s.reason, fault), fault # None, <<>>)>> \o Rest
             /\ owes' = owes \cup {"destroy"}
        ELSE /\ s' = [s EXCEPT !.opening = "Done"]
             /\ todo' = (IF fault # None THEN <<Do("Fail", fault, TRUE, <<>>)>>
                         ELSE Just("open") \o Just("Flush") \o <<Do("Look", None, TRUE, <<>>)>>) \o Rest
             /\ UNCHANGED owes
  /\ UNCHANGED <<queue, flight, kept, ticks, count>>

StreamNext ==
  \/ WriteReturns \/ Answer \/ CallEach \/ DeferredCallback
  \/ Flush \/ Flushing \/ Batched
  \/ Settle \/ SettleLate \/ AfterWrite \/ Callbacks \/ CallbacksDone \/ WriteFailed \/ Reject
  \/ EndUncorks \/ AcceptEnd \/ EndCallback \/ Look \/ Finalizing \/ Prefinished
  \/ FinalAnswers \/ FailFinal \/ DeferFinish \/ FinishTick \/ Finish \/ TellFinish \/ DestroyItself
  \/ Fail \/ TellError \/ Error \/ DestroyNow \/ CallDestroy \/ Close \/ TellClose
  \/ Construct \/ TakeConstruct

=============================================================================
