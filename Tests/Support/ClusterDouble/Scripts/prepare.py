"""Certificates and images for the double, made anew for each."""

import os
import shutil
import subprocess

PROGRAMS = "/usr/bin/busybox"


def run(*command, text=None):
    subprocess.run(command, input=text, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def certificates(folder):
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "30", "-subj", "/CN=double",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")
    for name, subject, extension in (
        ("server", "/CN=cluster", "subjectAltName=DNS:cluster.test,IP:127.0.0.1"),
        ("client", "/O=people/CN=admin", "extendedKeyUsage=clientAuth"),
    ):
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}-key.pem", "-out",
            f"{name}.csr", "-subj", subject)
        with open(f"{name}.ext", "w") as file:
            file.write(extension + "\n")
        run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey",
            "ca-key.pem", "-CAcreateserial", "-out", f"{name}.pem", "-days", "30", "-extfile",
            f"{name}.ext")


def images(folder, agent):
    names = subprocess.run([PROGRAMS, "--list"], check=True, capture_output=True, text=True)
    image(folder, "berth-test_busybox", names.stdout.split())
    image(folder, "berth-test_noshell", ["cat", "sleep", "ls"])
    host(folder)
    if agent:
        place = os.path.join(folder, "berth-test_agent")
        os.makedirs(place, exist_ok=True)
        shutil.copy(agent, os.path.join(place, "berth-agent"))


def host(folder):
    """The programs of this machine, with users of the image's own."""
    place = os.path.join(folder, "berth-test_host")
    os.makedirs(os.path.join(place, "etc"))
    for part in ("bin", "lib", "lib64", "sbin", "usr"):
        if os.path.isdir("/" + part):
            os.symlink(os.path.realpath("/" + part), os.path.join(place, part))
    shutil.copytree("/etc/alternatives", os.path.join(place, "etc/alternatives"), symlinks=True)
    for file in ("ld.so.cache", "nsswitch.conf"):
        if os.path.exists(f"/etc/{file}"):
            shutil.copy(f"/etc/{file}", os.path.join(place, "etc", file))
    people(place)


def image(folder, name, programs):
    place = os.path.join(folder, name)
    os.makedirs(os.path.join(place, "bin"), exist_ok=True)
    os.makedirs(os.path.join(place, "etc"), exist_ok=True)
    shutil.copy(PROGRAMS, os.path.join(place, "bin", "busybox"))
    for program in programs:
        if program != "busybox":
            os.symlink("busybox", os.path.join(place, "bin", program))
    people(place)


def people(place):
    with open(os.path.join(place, "etc", "passwd"), "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\ntester:x:1000:1000::/tmp:/bin/sh\n")
    with open(os.path.join(place, "etc", "hosts"), "w") as file:
        file.write("127.0.0.1 localhost\n::1 localhost\n")
