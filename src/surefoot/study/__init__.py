"""What a study is made of, typed.  At the bottom: everybody may import it, and it imports formulas alone.

run                         candidate, schedule, job, point; phase, status and cause
profile                     what is known of a task before anything is raced
decisions                   what was decided, one class for each kind
answer                      what was found
question                    what was asked: of a study, or of a single training
claims                      what an answer claims: who, against whom, measured how
records                     a study as the store holds it
codec                       all of these as JSON, and back
requests                    what a policy asks a runner for
cost                        what a run costs, in full trainings
direction                   which way of a measure is better
label, format, durations    the one name of a candidate, and numbers and times as people read them
optimizers, build           an optimizer by name, and a candidate as an optimizer over parameters
user_code                   the user's own objects by reference
replay_scores, strict_json  scores of replays; values as strict JSON has them
"""
