"""Networks that several tasks share; a task of your own can use them as well.

from surefoot.tasks.images.networks.unet import UNet
"""
