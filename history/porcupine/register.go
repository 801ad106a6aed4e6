package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// A line of the history file, as far as it matters here.
type line struct {
	T         string  `json:"t"`
	Key       string  `json:"key"`
	Op        string  `json:"op"`
	Us        int64   `json:"us"`
	Content   string  `json:"content"`
	DHat      float64 `json:"dHat"`
	Budget    float64 `json:"budget"`
	Reason    string  `json:"reason"`
	Accepted  bool    `json:"accepted"`
	Escalated bool    `json:"escalated"`
	Lines     int     `json:"lines"`
}

// What a decision says, which tells the contents of one key apart.
type says struct {
	dHat, budget        float64
	reason              string
	accepted, escalated bool
}

type keyHistory struct {
	// By the attempt's name.
	calls, returns map[string]line
	record         *line
	effects        []line
}

func (h *keyHistory) add(l line) error {
	switch l.T {
	case "sent":
		return put(&h.calls, l)
	case "answer", "refused", "unanswered":
		return put(&h.returns, l)
	case "record":
		if h.record != nil {
			return errors.New("a second record of one key")
		}
		h.record = &l
	case "effect":
		h.effects = append(h.effects, l)
	default:
		return fmt.Errorf("%q is no kind of line", l.T)
	}
	return nil
}

func put(to *map[string]line, l line) error {
	if _, there := (*to)[l.Op]; there {
		return fmt.Errorf("attempt %s has two lines of the kind %s", l.Op, l.T)
	}
	if *to == nil {
		*to = map[string]line{}
	}
	(*to)[l.Op] = l
	return nil
}

func saysOf(l line) says { return says{l.DHat, l.Budget, l.Reason, l.Accepted, l.Escalated} }

// The register: which content won (empty: none yet), and whether its effects were run.
type register struct {
	winner  string
	effects int
}

type kind int

const (
	// A client's attempt to write its content. Output: the content that the answer is about, or nothing where nobody knows.
	claim kind = iota
	// The winner's effects are run.
	effect
	// After everything: what the owner holds.
	read
)

type input struct {
	kind    kind
	content string
}

type output struct {
	known   bool
	content string
}

// No content of a client: an answer about it can be right in no order of events.
const nobodys = "?"

var writeOnce = porcupine.Model{
	Init: func() any { return register{} },
	Step: func(state, in, out any) (bool, any) {
		now, asked, told := state.(register), in.(input), out.(output)
		switch asked.kind {
		case claim:
			if now.winner == "" {
				now.winner = asked.content
			}
			return !told.known || told.content == now.winner, now
		case effect:
			now.effects++
			return now.effects == 1 && asked.content == now.winner, now
		default:
			if told.content == "" {
				return now.winner == "", now
			}
			return told.content == now.winner && now.effects == 1, now
		}
	},
}

type result int

const (
	holds result = iota
	violated
	untold
)

func (h *keyHistory) check(timeout time.Duration) result {
	switch answer := porcupine.CheckOperationsTimeout(writeOnce, h.operations(), timeout); answer {
	case porcupine.Ok:
		return holds
	case porcupine.Illegal:
		return violated
	default:
		return untold
	}
}

// Times lie before `theEnd`, at which the final read begins; what nobody knows the end of may happen until after that.
const theEnd = math.MaxInt64 - 2

func (h *keyHistory) operations() []porcupine.Operation {
	contentOf := map[says]string{}
	for _, attempt := range h.calls {
		contentOf[saysOf(attempt)] = attempt.Content
	}
	about := func(l line) string {
		if content, sent := contentOf[saysOf(l)]; sent {
			return content
		}
		return nobodys
	}
	operations := []porcupine.Operation{}
	add := func(in input, out output, from, until int64) {
		operations = append(operations, porcupine.Operation{ClientId: len(operations), Input: in, Output: out, Call: from, Return: until})
	}
	for name, attempt := range h.calls {
		asked := input{claim, attempt.Content}
		switch returned := h.returns[name]; returned.T {
		case "answer":
			add(asked, output{known: true, content: about(returned)}, attempt.Us, returned.Us)
		case "refused":
		default:
			add(asked, output{}, attempt.Us, math.MaxInt64)
		}
	}
	for _, done := range h.effects {
		add(input{effect, done.Content}, output{}, 0, theEnd-1)
	}
	final := output{}
	if h.record != nil {
		// What the record says must be its content's own words.
		if final.content = h.record.Content; about(*h.record) != final.content {
			final.content = nobodys
		}
	}
	add(input{read, ""}, final, theEnd, theEnd+1)
	return operations
}
