// Renders the chart as Helm does: Go's text/template with the functions of sprig, and those of
// Helm's own that the chart uses. Prints all objects, or writes one file for each template.
//
//	render [-values FILE] [-namespace NAME] [-out FOLDER] CHART
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

func read(path string) (map[string]interface{}, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := map[string]interface{}{}
	return values, yaml.UnmarshalStrict(text, &values)
}

// merge lays changes over values; null takes a value away.
func merge(values, changes map[string]interface{}) map[string]interface{} {
	for key, change := range changes {
		own, isMap := values[key].(map[string]interface{})
		inner, isChange := change.(map[string]interface{})
		switch {
		case change == nil:
			delete(values, key)
		case isMap && isChange:
			values[key] = merge(own, inner)
		default:
			values[key] = change
		}
	}
	return values
}

func functions(all *template.Template) template.FuncMap {
	functions := sprig.TxtFuncMap()
	// Helm has neither.
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	functions["fromYaml"] = func(text string) (map[string]interface{}, error) {
		value := map[string]interface{}{}
		return value, yaml.Unmarshal([]byte(text), &value)
	}
	functions["required"] = func(warning string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(warning)
		}
		return value, nil
	}
	return functions
}

func render(chart, valuesFile, namespace string) (map[string]string, error) {
	about, err := read(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return nil, err
	}
	values, err := read(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return nil, err
	}
	if valuesFile != "" {
		changes, err := read(valuesFile)
		if err != nil {
			return nil, err
		}
		values = merge(values, changes)
	}
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	all := template.New("chart").Option("missingkey=error")
	all.Funcs(functions(all))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if _, err := all.New(filepath.Base(file)).Parse(string(text)); err != nil {
			return nil, err
		}
	}
	data := map[string]interface{}{
		"Values": values,
		"Release": map[string]interface{}{
			"Name": "berth", "Namespace": namespace, "Service": "Helm",
		},
		// Chart.yaml's keys with Helm's capital letters.
		"Chart": map[string]interface{}{
			"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"],
		},
	}
	outputs := map[string]string{}
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasPrefix(name, "_") || !strings.HasSuffix(name, ".yaml") {
			continue
		}
		var out bytes.Buffer
		if err := all.ExecuteTemplate(&out, name, data); err != nil {
			return nil, err
		}
		if strings.TrimSpace(out.String()) != "" {
			outputs[name] = strings.TrimSpace(out.String()) + "\n"
		}
	}
	return outputs, nil
}

func main() {
	values := flag.String("values", "", "a file with changes of the chart's values")
	namespace := flag.String("namespace", "berth", "where the processes are")
	folder := flag.String("out", "", "a folder for one file of each template")
	flag.Parse()
	outputs, err := render(flag.Arg(0), *values, *namespace)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	names := []string{}
	for name := range outputs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if *folder == "" {
			fmt.Printf("---\n# %s\n%s", name, outputs[name])
			continue
		}
		path := filepath.Join(*folder, name)
		if err := os.WriteFile(path, []byte(outputs[name]), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
