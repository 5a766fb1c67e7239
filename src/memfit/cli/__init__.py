"""The command line: a file per verb, each `configure(parser)` and `run(arguments) -> exit code`, loaded when named."""
