"""The processes of ``mws-bridge serve``: one that does all, or a supervisor and its workers."""
