"""A host with the worker's package and nothing else of ours."""

PACKAGES = ("vedette-common", "vedette-worker")


def test_only_the_worker_is_there(machine):
    assert machine.run("sh", "-c", "ls /usr/bin | grep vedette").stdout.split() == ["vedette-worker"]
    assert machine.sh("getent passwd | grep -o '^vedette[^:]*'").stdout.split() == ["vedette-worker"]
    assert machine.run("vedette-worker", "--version").stdout.startswith("vedette ")


def test_its_files_are_whose_they_should_be(machine):
    said = machine.run("stat", "-c", "%U:%G %a %n", "/etc/vedette/worker.yaml", "/var/lib/vedette-worker", "/etc/sysctl.d/60-vedette.conf")
    assert said.stdout.splitlines() == [
        "root:vedette-worker 640 /etc/vedette/worker.yaml",
        "vedette-worker:vedette-worker 700 /var/lib/vedette-worker",
        "root:root 644 /etc/sysctl.d/60-vedette.conf",
    ]


def test_it_starts_with_the_host(machine):
    assert machine.run("systemctl", "is-enabled", "vedette-worker").stdout.strip() == "enabled"


def test_manual_page_says_the_settings(machine):
    machine.run("test", "-e", "/usr/share/man/man5/vedette.yaml.5.gz")


def test_what_was_edited_stays(machine):
    machine.put("/etc/vedette/worker.yaml", "worker: {name: mine}\n", mode=0o640)
    file = "/packages/$(ls /packages | grep ^vedette-worker_)"
    machine.sh(f"dpkg --force-confold -i {file}", within=120)
    assert "mine" in machine.run("cat", "/etc/vedette/worker.yaml").stdout
    assert machine.run("stat", "-c", "%G", "/etc/vedette/worker.yaml").stdout.strip() == "vedette-worker"


def test_it_goes_without_a_trace_but_its_user(machine):
    machine.run("apt-get", "-y", "-qq", "purge", "vedette-worker", within=120)
    left = machine.run("find", "/etc", "/usr/bin", "/usr/lib/systemd", "/var/lib", "-name", "*vedette*").stdout.split()
    # Its user may still own files somewhere, and the folder was that user's.
    assert [f for f in left if "/dpkg/" not in f] == ["/var/lib/vedette-worker"]
