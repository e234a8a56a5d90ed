"""Real optimizers on test surfaces of two parameters.

surface, surfaces, catalogue  what a surface is, by name or formula, and the table of them
expression, formula_lexer     a formula from text to numbers, by a whitelist
recipe, recipe_text           all that determines an animation, as data and as text
path                          one optimizer's path
lr_sweep, tuning              many rates at once, and the fair one
animation                     several paths under the same conditions
inspection                    one step from inside
optimizer_cards               what is known of each optimizer
snippet                       the program that walks the same paths
pictures                      all of it drawn
"""
