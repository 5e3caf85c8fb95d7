// A guest for the tests of WASI: what Go's runtime asks of preview 1 (GOOS=wasip1). Built by `build` in this folder.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "exit" {
		os.Exit(7)
	}
	cwd, err := os.Getwd()
	check(err)
	fmt.Println("cwd", cwd, "args", strings.Join(os.Args[1:], ","), "var", os.Getenv("GUEST"))

	// Goroutines that wait for time and for each other.
	var wait sync.WaitGroup
	sum := make(chan int, 10)
	for n := 0; n < 10; n++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			time.Sleep(time.Duration(n) * time.Millisecond)
			sum <- n
		}()
	}
	wait.Wait()
	close(sum)
	total := 0
	for n := range sum {
		total += n
	}
	fmt.Println("sum", total)

	check(os.MkdirAll("go/deep", 0o755))
	check(os.WriteFile("go/deep/file", []byte("content"), 0o644))
	check(os.Rename("go/deep/file", "go/moved"))
	content, err := os.ReadFile(filepath.Join(cwd, "go/moved"))
	check(err)
	fmt.Println("file", string(content))
	_, err = os.Stat("go/deep/file")
	fmt.Println("gone", errors.Is(err, fs.ErrNotExist))
	entries, err := os.ReadDir("/etc")
	check(err)
	fmt.Println("many", len(entries) > 10)
	check(os.RemoveAll("go"))

	// Standard input beside a timer: the runtime polls both.
	lines := make(chan string)
	go func() {
		scanner := bufio.NewScanner(os.Stdin)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
		close(lines)
	}()
	ticks := time.NewTicker(time.Millisecond)
	defer ticks.Stop()
	for {
		select {
		case line, more := <-lines:
			if !more {
				fmt.Println("end")
				return
			}
			fmt.Println("line", line)
		case <-ticks.C:
		}
	}
}
