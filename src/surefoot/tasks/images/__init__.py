"""Tasks on the user's own folders of pictures: classification and segmentation."""
