"""The canvas: the only package that may import dearpygui. Its modules arrive with the canvas itself."""
