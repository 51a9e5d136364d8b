"""The answers of the quizzes in the teacher's guide, computed a second time."""
