/* A VST2 instrument that misbehaves, as MODE says: a double for the tests of plug-ins. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Effect Effect;
struct Effect {
    int32_t magic;
    intptr_t (*dispatcher)(Effect *, int32_t, int32_t, intptr_t, void *, float);
    void (*process)(Effect *, float **, float **, int32_t);
    void (*set_parameter)(Effect *, int32_t, float);
    float (*get_parameter)(Effect *, int32_t);
    int32_t programs, parameters, inputs, outputs, flags;
    intptr_t reserved[2];
    int32_t delay[3];
    float ratio;
    void *object, *user;
    int32_t plugin_id, version;
    void (*replace)(Effect *, float **, float **, int32_t);
    void (*replace_double)(Effect *, double **, double **, int32_t);
    char future[56];
};

enum { CRASH, HANG, SILENT, NOT_A_NUMBER, SINE };
static const char *names[] = {"Crash", "Hang", "Silent", "NaN", "Sine"};
static float pitch = 0.5f;
static int program = 0;
static double time = 0.0;

static intptr_t dispatch(Effect *e, int32_t op, int32_t index, intptr_t value, void *at, float x) {
    if (op == 2) { program = (int)value; pitch = 0.5f + 0.1f * value; }
    if (op == 3) return program;
    if (op == 5) strcpy(at, program ? "Second" : "First");
    if (op == 8) strcpy(at, "Pitch");
    if (op == 29) { strcpy(at, index ? "Second" : "First"); return 1; }
    if (op == 45 || op == 48) { strcpy(at, names[MODE]); return 1; }
    if (op == 51) return !strcmp(at, "receiveVstMidiEvent") || !strcmp(at, "receiveVstEvents");
    if (op == 58) return 2400;
    return 0;
}

static void set(Effect *e, int32_t index, float value) { pitch = value; }
static float get(Effect *e, int32_t index) { return pitch; }

static void replace(Effect *e, float **in, float **out, int32_t frames) {
    if (MODE == CRASH) abort();
    if (MODE == HANG) for (;;) sleep(1);
    for (int32_t i = 0; i < frames; i++) {
        time += 440.0 * pitch / 48000.0;
        float sample = MODE == SINE ? 0.5f * sinf(6.2831853 * time) : 0.0f;
        out[0][i] = out[1][i] = MODE == NOT_A_NUMBER ? NAN : sample;
    }
}

Effect *VSTPluginMain(intptr_t (*host)(Effect *, int32_t, int32_t, intptr_t, void *, float)) {
    Effect *e = calloc(1, sizeof(Effect));
    e->magic = 0x56737450; /* VstP */
    e->dispatcher = dispatch;
    e->set_parameter = set;
    e->get_parameter = get;
    e->replace = e->process = replace;
    e->programs = 2;
    e->parameters = 1;
    e->outputs = 2;
    e->flags = (1 << 4) | (1 << 8); /* replaces, is a synthesizer */
    e->plugin_id = 0x74657374;
    e->version = 1;
    return e;
}
