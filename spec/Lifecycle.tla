----------------------------- MODULE Lifecycle ------------------------------
(***************************************************************************)
(* A writable stream as its users see it. `Contract` shows that the stream *)
(* is one of these (refinement).                                           *)
(***************************************************************************)
VARIABLES
  phase,     \* "Open", "Ending", "Finished", and "Told" after the event 'finish'
  stop,      \* "No", "Errored", "Destroyed", "Closed"
  waiting,   \* a writer waits for 'drain'
  errorTold

life == <<phase, stop, waiting, errorTold>>

Init == phase = "Open" /\ stop = "No" /\ waiting = FALSE /\ errorTold = FALSE

\* A write is accepted, and returns false: its writer waits.
Wait == phase = "Open" /\ stop = "No" /\ waiting' = TRUE
        /\ phase' = phase /\ stop' = stop /\ errorTold' = errorTold

\* Room again: only a writer that waits hears of it, and not once the end has come.
Drain == waiting /\ phase = "Open" /\ stop = "No" /\ waiting' = FALSE
         /\ phase' = phase /\ stop' = stop /\ errorTold' = errorTold

\* end() is called; it cancels an owed 'drain'. A destroyed stream may still be ended, to no effect.
End == phase = "Open" /\ stop # "Errored" /\ phase' = "Ending"
       /\ stop' = stop /\ waiting' = FALSE /\ errorTold' = errorTold

\* All is written: never after a failure.
Finish == phase = "Ending" /\ stop = "No" /\ phase' = "Finished"
          /\ stop' = stop /\ waiting' = waiting /\ errorTold' = errorTold

\* The stream emits 'finish', also if a callback of end() stops it meanwhile, but not after 'close'.
TellFinish == phase = "Finished" /\ stop # "Closed" /\ phase' = "Told"
              /\ stop' = stop /\ waiting' = waiting /\ errorTold' = errorTold

Fail == stop = "No" /\ stop' = "Errored"
        /\ phase' = phase /\ waiting' = FALSE /\ errorTold' = errorTold

Destroy == stop \in {"No", "Errored"} /\ stop' = "Destroyed"
           /\ phase' = phase /\ waiting' = FALSE /\ errorTold' = errorTold

\* A stream that has stopped emits 'error' once, and not after 'close'.
TellError == ~errorTold /\ stop \in {"Errored", "Destroyed"} /\ errorTold' = TRUE
             /\ phase' = phase /\ stop' = stop /\ waiting' = waiting

Close == stop = "Destroyed" /\ stop' = "Closed"
         /\ phase' = phase /\ waiting' = waiting /\ errorTold' = errorTold

Next == Wait \/ Drain \/ End \/ Finish \/ TellFinish \/ Fail \/ Destroy \/ TellError \/ Close

Spec == Init /\ [][Next]_life
=============================================================================
