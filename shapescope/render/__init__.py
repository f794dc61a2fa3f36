"""Text and pictures made from data; nothing here runs a model or decides anything."""
