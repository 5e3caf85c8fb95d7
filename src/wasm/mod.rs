//! The instances that run processes: engine, code cache, memory, fork, threads. (being written)
