"""Is a task ready for a study?  `surefoot check` asks each part in turn.

task                           the parts in order, and what follows for time and memory
data, model, loss, validation  what can be wrong with each
untracked_state                what a model remembers where no optimizer looks
findings                       a finding, as data
"""
