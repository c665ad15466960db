"""What runs beside the student's code. It holds no secret, and nothing it says is believed."""
