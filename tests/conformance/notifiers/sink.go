package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	commoncfg "github.com/prometheus/common/config"
)

// sink is every receiver there is: whatever host is dialled, it answers, with TLS or without, or as a mail server.
type sink struct {
	plain, secure, smarthost string

	mutex    sync.Mutex
	answers  []Answer
	refused  map[string]string
	requests []Request
}

func newSink() (*sink, error) {
	s := &sink{}
	certificate, err := selfSigned()
	if err != nil {
		return nil, err
	}
	var listeners [3]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	s.plain, s.secure = listeners[0].Addr().String(), listeners[1].Addr().String()
	s.smarthost = listeners[2].Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(s.serveHTTP)}
	go server.Serve(listeners[0])
	go server.Serve(tls.NewListener(listeners[1], &tls.Config{Certificates: []tls.Certificate{certificate}}))
	go s.serveMail(listeners[2])
	return s, nil
}

func (s *sink) expect(answers []Answer, refused map[string]string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.answers, s.refused, s.requests = answers, refused, []Request{}
}

func (s *sink) taken() []Request {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.requests
}

func (s *sink) dial(ctx context.Context, network, address string) (net.Conn, error) {
	target := s.plain
	if strings.HasSuffix(address, ":443") {
		target = s.secure
	}
	return (&net.Dialer{}).DialContext(ctx, network, target)
}

func trustAll(context.Context, *commoncfg.TLSConfig, ...commoncfg.TLSConfigOption) (*tls.Config, error) {
	return &tls.Config{InsecureSkipVerify: true}, nil
}

func (s *sink) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	s.mutex.Lock()
	s.requests = append(s.requests, Request{
		Method: r.Method, URL: scheme + "://" + r.Host + r.RequestURI, Headers: r.Header, Body: string(body),
	})
	answer := Answer{Status: http.StatusOK}
	if len(s.answers) > 0 {
		answer, s.answers = s.answers[0], s.answers[1:]
	}
	s.mutex.Unlock()
	for name, value := range answer.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.Status)
	if answer.Status != http.StatusNoContent && answer.Status != http.StatusNotModified {
		io.WriteString(w, answer.Body)
	}
}

func (s *sink) serveMail(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.talk(conn) // one at a time, as cases come
	}
}

func (s *sink) talk(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	reply := func(line string) { io.WriteString(conn, line+"\r\n") }
	reply("220 sink")
	mail := Request{Method: "SMTP", Recipients: []string{}}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToUpper(strings.Fields(line + " -")[0])
		address := strings.Trim(line[strings.Index(line, ":")+1:], "<>")
		s.mutex.Lock()
		refusal := s.refused[verb]
		s.mutex.Unlock()
		switch {
		case verb == "QUIT":
			reply("221 bye")
			return
		case refusal != "":
			reply(refusal)
		case verb == "DATA":
			reply("354 go on")
			mail.Body = readMessage(in)
			s.mutex.Lock()
			s.requests = append(s.requests, mail)
			refusal = s.refused["."]
			s.mutex.Unlock()
			if refusal != "" {
				reply(refusal)
				continue
			}
			reply("250 ok")
		default:
			switch verb {
			case "MAIL":
				mail.Sender, _, _ = strings.Cut(address, ">")
			case "RCPT":
				mail.Recipients = append(mail.Recipients, address)
			}
			reply("250 ok")
		}
	}
}

func readMessage(in *bufio.Reader) string {
	var message strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return message.String()
		}
		message.WriteString(strings.TrimPrefix(line, "."))
	}
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
