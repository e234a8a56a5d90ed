"""The lab: one local web app to play with optimizers, watch studies and read each optimizer's card."""
