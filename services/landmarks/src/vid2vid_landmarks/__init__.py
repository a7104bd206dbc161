"""The landmark service: finds the face in every frame of a clip and draws the generator's input from it."""
