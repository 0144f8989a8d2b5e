// The smallest login and consent application for Ory Hydra: who has a session is let through at once, others type a
// password, compared without a hash; consent is always given.
package main

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"html"
	"log"
	"net/http"
	"net/url"
	"os"
)

const page = `<!doctype html><title>Connexion</title><form method="post" action="/login">
<input type="hidden" name="login_challenge" value="%s">
<input name="username"><input name="password" type="password"><button>Connexion</button></form>`

var requests = os.Getenv("ADMIN") + "/admin/oauth2/auth/requests/"

type object map[string]any

// call sends one request to Hydra's administration and returns its JSON.
func call(method, kind, challenge, act string, body object) (object, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	target := requests + kind + act + "?" + kind + "_challenge=" + url.QueryEscape(challenge)
	request, err := http.NewRequest(method, target, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %d %v", target, response.StatusCode, answer)
	}
	return answer, nil
}

// accept tells Hydra what was decided and redirects the browser where Hydra says.
func accept(w http.ResponseWriter, r *http.Request, kind, challenge string, decision object) {
	answer, err := call(http.MethodPut, kind, challenge, "/accept", decision)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	http.Redirect(w, r, answer["redirect_to"].(string), http.StatusFound)
}

func login(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("login_challenge")
	if r.Method == http.MethodPost {
		if subtle.ConstantTimeCompare([]byte(r.PostFormValue("password")), []byte(os.Getenv("PASSWORD"))) != 1 {
			http.Error(w, "wrong password", http.StatusUnauthorized)
			return
		}
		agent := object{"subject": r.PostFormValue("username"), "remember": true, "remember_for": 36000}
		accept(w, r, "login", challenge, agent)
		return
	}
	request, err := call(http.MethodGet, "login", challenge, "", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	} else if request["skip"] == true {
		accept(w, r, "login", challenge, object{"subject": request["subject"]})
	} else {
		fmt.Fprintf(w, page, html.EscapeString(challenge))
	}
}

func consent(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("consent_challenge")
	request, err := call(http.MethodGet, "consent", challenge, "", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	claims := object{"name": request["subject"], "email": fmt.Sprint(request["subject"], "@example.fr")}
	decision := object{"grant_scope": request["requested_scope"], "session": object{"id_token": claims}}
	accept(w, r, "consent", challenge, decision)
}

func main() {
	http.HandleFunc("/login", login)
	http.HandleFunc("/consent", consent)
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}
