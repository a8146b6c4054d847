"""Failures, for people."""

from symbolic import words


def failure(what, found):
    given = {name: value for name, value in zip(words.GIVEN, found["given"]) if value}
    values = " ".join(f"{name}={value}" for name, value in given.items())
    says = found.get("reason") or ", ".join(found.get("names", ()))
    reason = {"traps": "the code traps", "differences": "the code differs from the encoding in",
              "strangers": "path, engine and encoding are not one", "broken": "the law is broken",
              "echoes": "the port loses"}[what]
    return f"{reason} {says}\n  given {values}"
