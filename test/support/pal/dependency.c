const char *dependency_greeting(void) { return "hello from a dependency"; }
