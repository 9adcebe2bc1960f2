"""Other systems under the same load as ours: each in an environment and a process of its own, by its public interface, with the engines of bench/script.py."""
