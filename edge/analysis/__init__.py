"""Reading files rather than a camera: pictures, folders and videos of any length. Nothing here prints."""
