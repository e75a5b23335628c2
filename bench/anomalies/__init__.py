"""Anomalies in tables: `DenoisingOutlierDetector` beside the detectors people use."""
