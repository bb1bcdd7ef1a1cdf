"""The flows: one verb per file, one public function each. Run twice, a flow resumes."""
