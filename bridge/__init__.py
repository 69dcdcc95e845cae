"""The bridge: from the calls of legacy MWS programs to SP-API and back."""

__all__ = ["VERSION"]

#: Of the distribution. Here, because whoever asks an installed one for it waits longer than most verbs take.
VERSION = "0.1.0"
