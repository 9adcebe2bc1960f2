"""On the path of every process of a program under faults, for its `sitecustomize`."""
