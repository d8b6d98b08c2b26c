"""The nodes: one module per family, thin classes over plain functions. `runtime.registry` finds every class here."""
