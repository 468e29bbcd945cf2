"""What is done for each type of task. Every handler is `run(claimed)`; a task is finished only once its result is stored."""
