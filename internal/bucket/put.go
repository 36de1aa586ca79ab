// SPDX-License-Identifier: AGPL-3.0-or-later

package bucket

import (
	"context"
	"crypto/md5" //nolint:gosec // by which a store names a part, and by which nothing is decided
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
)

// partLen is how much goes at a time: what is lost of a line that breaks, and
// large enough that 10,000 of them, which is the most there may be, are 156 GiB.
const partLen = 16 << 20

// checksum is the header by which a store is told, and tells, a SHA-256.
const checksum = "X-Amz-Checksum-Sha256"

// Put keeps size bytes of r under a name, in the place of what was there. What
// has come of it before, in whole parts, is not sent again, whenever that was.
// proved says that the store has answered with the SHA-256 of what it has.
func (b *Bucket) Put(ctx context.Context, name string, r io.ReaderAt, size int64) (proved bool, err error) {
	ctx, p := b.patient(ctx)
	defer p.end()
	key, want := b.prefix+name, ""
	if size <= b.partLen {
		want, err = b.putOne(ctx, p, key, io.NewSectionReader(r, 0, size))
	} else {
		want, err = b.putParts(ctx, p, key, r, size)
	}
	if err != nil {
		return false, why(ctx, err)
	}
	p.touch()
	info, err := b.core.StatObject(ctx, b.name, key, minio.StatObjectOptions{Checksum: true})
	switch {
	case err != nil:
		return false, why(ctx, err)
	case info.Size != size, info.ChecksumSHA256 != "" && info.ChecksumSHA256 != want:
		return false, fmt.Errorf("%w: not all of a file arrived as it was sent", ErrAnswer)
	}
	return info.ChecksumSHA256 != "", nil
}

// digest is the SHA-256 of what is to be sent.
func digest(r *io.SectionReader, also ...io.Writer) ([]byte, error) {
	sum := sha256.New()
	_, err := io.Copy(io.MultiWriter(append(also, sum)...), r)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrSource, err)
	}
	return sum.Sum(nil), err
}

func (b *Bucket) putOne(ctx context.Context, p *patience, key string, r *io.SectionReader) (string, error) {
	sum, err := digest(r)
	if err != nil {
		return "", err
	}
	want := base64.StdEncoding.EncodeToString(sum)
	_, err = b.core.PutObject(ctx, b.name, key, &sending{r, p}, r.Size(), "", hex.EncodeToString(sum),
		minio.PutObjectOptions{ContentType: media, UserMetadata: map[string]string{checksum: want}})
	return want, err
}

// media is what the store is told a file is, whatever it is.
const media = "application/octet-stream"

// putParts sends a file in parts and puts them together. All that it knows of
// parts that are there the store says: nothing is noted of them here.
func (b *Bucket) putParts(ctx context.Context, p *patience, key string, r io.ReaderAt, size int64) (string, error) {
	there := map[int]minio.ObjectPart{}
	begun, err := b.begun(ctx, key)
	if err != nil {
		return "", err
	}
	var id string
	if len(begun) > 0 {
		id = begun[len(begun)-1]
		if there, err = b.parts(ctx, p, key, id); err != nil {
			return "", err
		}
	} else if id, err = b.core.NewMultipartUpload(ctx, b.name, key, minio.PutObjectOptions{ContentType: media, UserMetadata: map[string]string{"X-Amz-Checksum-Algorithm": "SHA256"}}); err != nil {
		return "", err
	}
	var parts []minio.CompletePart
	all := sha256.New()
	for at, n := int64(0), 1; at < size; at, n = at+b.partLen, n+1 {
		p.touch()
		part, err := b.putPart(ctx, p, key, id, n, io.NewSectionReader(r, at, min(b.partLen, size-at)), there[n], all)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	p.touch()
	if _, err := b.core.CompleteMultipartUpload(ctx, b.name, key, id, parts, minio.PutObjectOptions{}); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(all.Sum(nil)), len(parts)), nil
}

func (b *Bucket) putPart(ctx context.Context, p *patience, key, id string, n int, r *io.SectionReader, there minio.ObjectPart, all hash.Hash) (minio.CompletePart, error) {
	tag := md5.New() //nolint:gosec // as above
	sum, err := digest(r, tag)
	if err != nil {
		return minio.CompletePart{}, err
	}
	all.Write(sum)
	want := base64.StdEncoding.EncodeToString(sum)
	same := there.ChecksumSHA256 == want || there.ChecksumSHA256 == "" && strings.Trim(there.ETag, `"`) == hex.EncodeToString(tag.Sum(nil))
	if there.Size != r.Size() || !same {
		if there, err = b.core.PutObjectPart(ctx, b.name, key, id, n, &sending{r, p}, r.Size(),
			minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum), CustomHeader: http.Header{checksum: {want}}}); err != nil {
			return minio.CompletePart{}, err
		}
	}
	return minio.CompletePart{PartNumber: n, ETag: there.ETag, ChecksumSHA256: there.ChecksumSHA256}, nil
}

// begun are the ids of what came in under a key and was never put together, the
// latest last; none where the store does not say.
func (b *Bucket) begun(ctx context.Context, key string) ([]string, error) {
	found, err := b.core.ListMultipartUploads(ctx, b.name, key, "", "", "", 1000)
	if err != nil {
		if lacks(err) || minio.ToErrorResponse(err).Code == "NoSuchUpload" {
			return nil, nil
		}
		return nil, err
	}
	uploads := slices.DeleteFunc(found.Uploads, func(u minio.ObjectMultipartInfo) bool { return u.Key != key })
	slices.SortStableFunc(uploads, func(a, b minio.ObjectMultipartInfo) int { return a.Initiated.Compare(b.Initiated) })
	var ids []string
	for _, u := range uploads {
		ids = append(ids, u.UploadID)
	}
	return ids, nil
}

// parts are the parts that have come.
func (b *Bucket) parts(ctx context.Context, p *patience, key, id string) (map[int]minio.ObjectPart, error) {
	all := map[int]minio.ObjectPart{}
	for after := 0; ; {
		p.touch()
		found, err := b.core.ListObjectParts(ctx, b.name, key, id, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, part := range found.ObjectParts {
			all[part.PartNumber] = part
		}
		if !found.IsTruncated || found.NextPartNumberMarker <= after {
			return all, nil
		}
		after = found.NextPartNumberMarker
	}
}
