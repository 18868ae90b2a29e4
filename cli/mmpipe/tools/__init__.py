"""The function-calling loop: tools that the user named are run for the model, each within walls and limits."""
