package codebook

func (l *List) Search(text, lang string, max int) []ListCode { return nil }
