"""The command line: parse, call one function, render, exit. A file per group of commands."""
