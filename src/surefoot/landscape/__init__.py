"""The surroundings of a real model: where several trainings went, on one plane.

survey                   the order of the steps
finalists, trainings     whose paths, and the paths
plane, random_walks      the plane that comes nearest to them, and the control
losses, loss_evaluators  the loss along them and around them, and where it is measured
survey_document          what was found, as JSON
"""
