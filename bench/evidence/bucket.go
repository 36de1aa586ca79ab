// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/kua-registry/kua/internal/bucket"
	"github.com/kua-registry/kua/internal/evidence"
)

const (
	storeKey, storeSecret = "bench", "bench-on-this-machine-alone"
	storeBucket           = "bench"
)

// serveStore starts versitygw over a folder, and answers its address and how to end it.
func serveStore(program, parent string) (listen string, end func() error, err error) {
	dir, err := os.MkdirTemp(parent, "kua-store-")
	if err != nil {
		return "", nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	listen = free.Addr().String()
	free.Close()
	cmd := exec.Command(program, "--port", listen, "--quiet", "posix", dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+storeKey, "ROOT_SECRET_ACCESS_KEY="+storeSecret)
	if err := cmd.Start(); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	end = func() error {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return os.RemoveAll(dir)
	}
	client, err := storeClient(listen)
	for late := time.Now().Add(30 * time.Second); err == nil; time.Sleep(50 * time.Millisecond) {
		if failed := client.MakeBucket(context.Background(), storeBucket, minio.MakeBucketOptions{}); failed == nil {
			return listen, end, nil
		} else if time.Now().After(late) {
			err = failed
		}
	}
	return "", nil, errors.Join(err, end())
}

func storeClient(listen string) (*minio.Client, error) {
	return minio.New(listen, &minio.Options{Creds: credentials.NewStaticV4(storeKey, storeSecret, ""), Region: "us-east-1"})
}

// carried seals a file, takes it to the bucket and reads it back from there.
func carried(n int64, dir, listen string, in io.Reader) (took []float64, err error) {
	ctx := context.Background()
	place, err := bucket.Open(bucket.Options{Endpoint: "http://" + listen, Bucket: storeBucket, Region: "us-east-1", AccessKey: storeKey, Secret: storeSecret})
	if err != nil {
		return nil, err
	}
	v := evidence.Open(dir)
	v.At(place)
	var id evidence.ID
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	var sealed evidence.Sealed
	for _, step := range []func() error{
		func() error {
			if sealed, err = v.Put(ctx, id, in, n); err != nil {
				return err
			}
			return v.Keep(id)
		},
		func() error { return v.Carry(ctx) },
		func() error { return v.Verify(ctx, id, sealed) },
	} {
		start := time.Now()
		if err := step(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start).Seconds())
	}
	if c, err := v.Count(); err != nil || c.Away != 1 {
		return nil, fmt.Errorf("it is not in the bucket: %+v, %w", c, err)
	}
	return took, nil
}

// alone takes a file as it is to the bucket and back, with minio-go and nothing else.
func alone(dir, listen string, in io.Reader) (took []float64, err error) {
	ctx := context.Background()
	client, err := storeClient(listen)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "plain")
	for _, step := range []func() error{
		func() error {
			f, err := os.Create(path)
			if err != nil {
				return err
			}
			_, err = io.Copy(f, in)
			return errors.Join(err, f.Sync(), f.Close())
		},
		func() error {
			_, err := client.FPutObject(ctx, storeBucket, "plain", path, minio.PutObjectOptions{NumThreads: 1})
			return err
		},
		func() error {
			o, err := client.GetObject(ctx, storeBucket, "plain", minio.GetObjectOptions{})
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, o)
			return errors.Join(err, o.Close())
		},
	} {
		start := time.Now()
		if err := step(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start).Seconds())
	}
	return took, nil
}
