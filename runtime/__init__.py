"""The runtime: patch documents, plans, the engine, jobs and the command line. It knows no node class and no window."""
