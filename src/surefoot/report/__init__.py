"""What people see of a study: in the terminal, on pages, in notebooks.

terminal                            the answer on the last screen
answer_lines                        what every answer page says, as short texts
live, notebook                      progress in a terminal, and below a cell
training_display, waiting           progress of one training, and of anything else that takes a while
report                              a study as one HTML file
study_page                          its sections, which the lab shows, too; templates/ has them
words, facts                        its sentences and its rows of facts
figures, race_figures               its pictures
landscape_figures, study_figures    those of the landscape; all of them by name
landscape_section, landscape_words  the landscape of the model in it
answer_html, picture                the answer alone: below a cell, and as one picture
explain, scores                     an optimizer's card; tables of replays
style, axes, svg, pages             colours and strokes; what all axes, pictures and templates share
"""
