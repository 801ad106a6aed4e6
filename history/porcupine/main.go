// Checks a history with Porcupine: for each key, whether what clients saw is linearizable as a write-once register whose
// value has effects once. It shares no code with the project's own checker, only the file that both read.
//
//	porcupine [-timeout 60s] FILE
//
// Prints one JSON object. Exit codes: 0 linearizable, 1 not, 2 the history could not be read, or a key took too long.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"time"
)

const (
	exitHolds        = 0
	exitViolated     = 1
	exitCouldNotTell = 2
	lineBytesMax     = 64 * 1024
)

type verdict struct {
	Keys       int      `json:"keys"`
	Operations int      `json:"operations"`
	BadKeys    []string `json:"badKeys"`
	// Keys that took longer than the timeout: about them nothing is said.
	Untold []string `json:"untold"`
	Ms     int64    `json:"ms"`
}

func main() {
	timeout := flag.Duration("timeout", 60*time.Second, "how long the search may take for one key")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: porcupine [-timeout 60s] FILE")
		os.Exit(exitCouldNotTell)
	}
	started := time.Now()
	keys, operations, err := readHistory(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitCouldNotTell)
	}
	result := verdict{Keys: len(keys), Operations: operations, BadKeys: []string{}, Untold: []string{}}
	checkAll(keys, *timeout, &result)
	result.Ms = time.Since(started).Milliseconds()
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		os.Exit(exitCouldNotTell)
	}
	switch {
	case len(result.BadKeys) > 0:
		os.Exit(exitViolated)
	case len(result.Untold) > 0:
		os.Exit(exitCouldNotTell)
	}
}

func readHistory(path string) (map[string]*keyHistory, int, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	keys := map[string]*keyHistory{}
	operations, lines, ended := 0, 0, false
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, lineBytesMax), lineBytesMax)
	for scanner.Scan() {
		lines++
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			return nil, 0, fmt.Errorf("%s:%d: %w", path, lines, err)
		}
		switch l.T {
		case "history":
			continue
		case "end":
			ended = l.Lines == lines
			continue
		case "sent":
			operations++
		}
		if l.Key == "" {
			return nil, 0, fmt.Errorf("%s:%d: no key", path, lines)
		}
		history := keys[l.Key]
		if history == nil {
			history = &keyHistory{}
			keys[l.Key] = history
		}
		if err := history.add(l); err != nil {
			return nil, 0, fmt.Errorf("%s:%d: %w", path, lines, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, 0, err
	}
	if !ended {
		return nil, 0, fmt.Errorf("%s has no right end line: it was cut off, so nothing is said about it", path)
	}
	return keys, operations, nil
}

func checkAll(keys map[string]*keyHistory, timeout time.Duration, result *verdict) {
	names := make(chan string)
	var lock sync.Mutex
	var workers sync.WaitGroup
	for range runtime.NumCPU() {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for name := range names {
				switch keys[name].check(timeout) {
				case violated:
					lock.Lock()
					result.BadKeys = append(result.BadKeys, name)
					lock.Unlock()
				case untold:
					lock.Lock()
					result.Untold = append(result.Untold, name)
					lock.Unlock()
				}
			}
		}()
	}
	for name := range keys {
		names <- name
	}
	close(names)
	workers.Wait()
	sort.Strings(result.BadKeys)
	sort.Strings(result.Untold)
}
