"""One run, in whatever process an engine makes it.  It knows nothing of races.

loop                            steps up to a rung, validates, and says how it ended
schedule, divergence            the learning rate over a run; when a run is lost
random_state                    the draws of a run, seeded and kept together
checkpoint, snapshots, revisit  what is kept of a run: to go on, to be drawn, to be measured again
meters                          what a run costs
own_files                       removing what was written, and nothing else
profile, step_times             a first look at a task; what a step takes with each optimizer
constant_measure                a measure that does not depend on the model
full                            a full training into a folder of its own
"""
