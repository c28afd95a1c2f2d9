"""The shell: one pass over one target, read top-down in `cycle`. It asks the stages and acts through the ports."""
