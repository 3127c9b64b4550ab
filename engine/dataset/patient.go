package dataset

import (
	"fmt"
	"regexp"
	"strings"
)

// patientOf gives the function that tells a volume's patient from its ID.
func patientOf(pattern string) (func(id string) string, error) {
	if pattern == "" {
		return bidsSubject, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("patient pattern: %w", err)
	}
	if re.NumSubexp() != 1 {
		return nil, fmt.Errorf("patient pattern %q has %d groups, it should have one around the patient", pattern, re.NumSubexp())
	}
	return func(id string) string {
		if m := re.FindStringSubmatch(id); m != nil && m[1] != "" {
			return m[1]
		}
		return id
	}, nil
}

// bidsSubject gives sub-01 for sub-01_ses-2_T1w, and other IDs as they are.
func bidsSubject(id string) string {
	if subject, _, ok := strings.Cut(id, "_"); ok && strings.HasPrefix(subject, "sub-") {
		return subject
	}
	return id
}
